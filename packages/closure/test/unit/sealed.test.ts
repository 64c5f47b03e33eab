import { decode, encode } from '@multiproc/core'
import { expect, it } from 'vitest'
import { isConstant, rebuildFunction, serializeFunction } from '../../src/index.ts'

const limit = 3
const twice = (n: number): number => n * 2
const stored = { n: 1 }

/** As another thread would get it: ids of this thread would give the original back. */
function asFromElsewhere(bytes: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(bytes).toString('latin1').replace(/[0-9a-f]{8}-[0-9a-f]{4}-4/g, (id) => `g${id.slice(1)}`), 'latin1')
}

it('sends a constant function as the same bytes from the second time on', () => {
  const fn = (n: number): number => twice(n) + limit
  serializeFunction(fn)
  const second = serializeFunction(fn)
  expect(serializeFunction(fn)).toEqual(second)
  expect(rebuildFunction(asFromElsewhere(second))(2)).toBe(7)
})

it('gives a constant function that arrives again the copy that is there', () => {
  const fn = (n: number): number => twice(n) - limit
  const first = rebuildFunction(asFromElsewhere(serializeFunction(fn)))
  expect(rebuildFunction(asFromElsewhere(serializeFunction(fn)))).toBe(first)
  const { both, callee } = decode(asFromElsewhere(encode({ both: [fn, fn], callee: twice }).bytes)) as { both: Function[]; callee: Function }
  expect(both).toEqual([first, first])
  expect(callee(4)).toBe(8)
})

it('lets constant functions call each other and themselves', () => {
  const even = (n: number): boolean => n === 0 || odd(n - 1)
  const odd = (n: number): boolean => n !== 0 && even(n - 1)
  serializeFunction(even)
  const rebuilt = rebuildFunction(asFromElsewhere(serializeFunction(even)))
  expect([rebuilt(10), rebuilt(7)]).toEqual([true, false])
})

it('sees what is put on a function after it was found constant', () => {
  const fn: { (): unknown; note?: string } = () => fn.note
  serializeFunction(fn)
  serializeFunction(fn)
  expect(isConstant(fn)).toBe(true)
  fn.note = 'new'
  expect(isConstant(fn)).toBe(false)
  expect(rebuildFunction(asFromElsewhere(serializeFunction(fn)))()).toBe('new')
  function Old(): void {}
  const make = (): object => new (Old as unknown as new () => object)()
  serializeFunction(make)
  serializeFunction(make)
  Old.prototype.late = 5
  expect(rebuildFunction(asFromElsewhere(serializeFunction(make)))().late).toBe(5)
})

it('encodes a captured object anew at each send, though its variable is constant', () => {
  const fn = (): number => stored.n
  const results = [1, 2, 3].map((n) => {
    stored.n = n
    return rebuildFunction(asFromElsewhere(serializeFunction(fn)))()
  })
  expect(results).toEqual([1, 2, 3])
})

it('sends on what a rebuilt function was given, constant or not', () => {
  let count = 0
  const bump = (): number => ++count + stored.n
  const rebuilt = rebuildFunction(asFromElsewhere(serializeFunction(bump)))
  rebuilt()
  const onward = rebuildFunction(asFromElsewhere(serializeFunction(rebuilt)))
  expect(onward()).toBe(rebuilt())
})
