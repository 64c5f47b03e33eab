import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { copy } from '../../src/index.ts'
import { startHere } from '../unit/server.ts'

let here: ReturnType<typeof startHere>
beforeAll(() => {
  here = startHere()
})
afterAll(() => here.stop())

/** Primitives of all kinds: Map tells them apart, and so must a proxy. */
const key = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom('0', '1', '-1', '', 'a', '__proto__', 'constructor'), fc.constantFrom(true, null, undefined, NaN, 1n, 0.5))
const value = fc.jsonValue({ maxDepth: 2 })

type Step = readonly [method: string, args: readonly unknown[]]
const of = (method: string, ...args: fc.Arbitrary<unknown>[]): fc.Arbitrary<Step> => fc.tuple(fc.constant(method), fc.tuple(...args))

const dictSteps = fc.array(fc.oneof(of('set', key, value), of('get', key), of('has', key), of('delete', key), of('size'), of('keys'), of('values'), of('entries'), of('clear')), { maxLength: 60 })

it('a dict answers as a Map does, whatever is done with it, keys of all kinds and their order included', { timeout: 60_000 }, async () => {
  await fc.assert(fc.asyncProperty(dictSteps, async (steps) => {
    const map = new Map<unknown, unknown>()
    const dict = here.make('dict', new Map())
    for (const [method, args] of steps) {
      const expected = method === 'size' ? map.size : (map as any)[method](...args)
      const plain = method === 'set' ? undefined : typeof expected?.next === 'function' ? [...expected] : expected
      expect(await dict[method](...args)).toEqual(plain)
    }
    expect([...(await copy(dict) as Map<unknown, unknown>)]).toEqual([...map])
  }), { numRuns: 60 })
})

const index = fc.integer({ min: -8, max: 8 })
const listSteps = fc.array(
  fc.oneof(of('push', value), of('push', value, value), of('pop'), of('shift'), of('unshift', value), of('reverse'), of('at', index), of('slice', index, index), of('splice', index, fc.nat(3), value), of('splice', index, fc.nat(3)), of('indexOf', fc.integer()), of('length'), of('sort')),
  { maxLength: 60 },
)

it('a list answers as an array does', { timeout: 60_000 }, async () => {
  await fc.assert(fc.asyncProperty(listSteps, async (steps) => {
    const items: unknown[] = []
    const list = here.make('list', [])
    for (const [method, args] of steps) {
      const expected = method === 'length' ? items.length : (items as any)[method](...args)
      expect(await list[method](...args)).toEqual(method === 'reverse' || method === 'sort' ? undefined : expected)
    }
    expect(await copy(list)).toEqual(items)
  }), { numRuns: 60 })
})
