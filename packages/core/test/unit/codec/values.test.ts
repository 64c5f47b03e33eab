import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { decode, encode, Full, MultiprocError } from '@multiproc/core'
import { roundTrip } from './round-trip.ts'

const values: Record<string, unknown> = {
  'integers of every width': [0, 1, 127, 128, -1, 32767, 32768, -32768, -32769, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 53],
  'minus zero, NaN and the infinities': [-0, NaN, Infinity, -Infinity, 1.5],
  'strings of every width': ['', 'a', 'é', 'ж', '\ud800', 'a\udc00b', '😀', 'x'.repeat(31), 'x'.repeat(32), 'ж'.repeat(99), 'é'.repeat(999)],
  'bigints beyond 64 bits': [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, -(2n ** 64n), 2n ** 999n],
  'undefined and null': { a: undefined, b: null },
  'sparse arrays': [[1, , 3], [,], new Array(70_000), [, undefined, , 4, ,], Object.assign([], { 5_000: 1 })],
  'keys that mean something': JSON.parse('{"__proto__":{"x":1},"constructor":1,"toString":2,"hasOwnProperty":3,"2":0,"1":0,"":5}'),
  'many keys': Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`key${i}`, i])),
  'an object without prototype': Object.assign(Object.create(null), { a: 1 }),
  dates: [new Date(5), new Date(NaN), new Date(-8.64e15)],
  'regular expressions': [/a\/b\n/giu, Object.assign(/x/g, { lastIndex: 3 })],
  'a match with its fields': 'abc'.match(/(?<letter>b)/),
  'maps by key type': new Map<unknown, unknown>([[1, 'n'], ['1', 's'], [{ k: 1 }, 'o'], [NaN, 0], [undefined, null]]),
  sets: new Set([1, '1', NaN, new Set([2])]),
  'boxed primitives': [Object(1), Object(-0), Object('s'), Object(false), Object(2n)],
  'typed arrays with their offsets': [new Uint8Array([1, 2, 3]).subarray(1), new Float64Array([1, NaN, -0]), new BigInt64Array([-1n])],
  'data views': new DataView(new ArrayBuffer(8), 2, 3),
  'array buffers': [new ArrayBuffer(0), new Uint8Array([1, 2]).buffer],
  errors: [new Error('a', { cause: { b: 1 } }), new TypeError('t'), new RangeError(), new EvalError('e'), new URIError('u'), new SyntaxError('s')],
}

describe('equals structuredClone for', () => {
  for (const [title, value] of Object.entries(values)) {
    it(title, () => expect(roundTrip(value)).toStrictEqual(structuredClone(value)))
  }
})

it('keeps -0, holes and lone surrogates exactly', () => {
  expect(Object.is(roundTrip(-0), -0)).toBe(true)
  expect(1 in roundTrip([0, , 2])).toBe(false)
  expect(roundTrip('\ud800').charCodeAt(0)).toBe(0xd800)
  expect(Object.is((roundTrip(Object(-0)) as { valueOf(): unknown }).valueOf(), -0)).toBe(true)
})

it('takes an array of any length with hardly any items', () => {
  const sparse: unknown[] = []
  sparse[4_000_000_000] = 'end'
  const copy = roundTrip(sparse)
  expect(copy.length).toBe(4_000_000_001)
  expect(Object.keys(copy)).toEqual(['4000000000'])
})

it('keeps shared references and cycles, in small and large messages', () => {
  const self: Record<string, unknown> = { list: [] }
  self['self'] = self
  ;(self['list'] as unknown[]).push(self['list'], self)
  const copy = roundTrip(self)
  expect(copy['self']).toBe(copy)
  expect((copy['list'] as unknown[])[0]).toBe(copy['list'])
  const many: unknown[] = Array.from({ length: 300 }, (_, i) => ({ i }))
  many.push(many[0], many[7], many[8], many[299], many)
  const copies = roundTrip(many)
  expect([copies[300], copies[301], copies[302], copies[303]]).toEqual([copies[0], copies[7], copies[8], copies[299]])
  expect(copies[302]).toBe(copies[8])
  expect(copies[303]).toBe(copies[299])
  expect(copies[304]).toBe(copies)
})

it('keeps a cycle through a map key, a set and the cause of an error', () => {
  const map = new Map<unknown, unknown>()
  map.set(map, new Set([map]))
  const copy = roundTrip(map)
  expect([...copy.keys()][0]).toBe(copy)
  expect([...(copy.get(copy) as Set<unknown>)][0]).toBe(copy)
  const error = new Error('round')
  error.cause = { error }
  const back = roundTrip(error)
  expect((back.cause as { error: unknown }).error).toBe(back)
})

it('keeps two views on one buffer on one buffer', () => {
  const buffer = new ArrayBuffer(8)
  const [bytes, words] = roundTrip([new Uint8Array(buffer, 2, 4), new Int32Array(buffer)] as const)
  expect(bytes.buffer).toBe(words.buffer)
  bytes[2] = 1
  expect(words[1]).toBe(1)
})

it('sends a Buffer as a Buffer, with none of the pool it lies in', () => {
  const copy = roundTrip(Buffer.from('hi'))
  expect(Buffer.isBuffer(copy)).toBe(true)
  expect(copy.toString()).toBe('hi')
  expect(copy.buffer.byteLength).toBe(2)
})

it('never shares memory with the message', () => {
  const bytes = Uint8Array.from(encode({ a: new Uint8Array([1]), b: Buffer.from([2]) }).bytes)
  const value = decode(bytes) as { a: Uint8Array; b: Buffer }
  bytes.fill(0xff)
  expect([value.a[0], value.b[0]]).toEqual([1, 2])
})

it('sends URLs, URLSearchParams, registered and well-known symbols', () => {
  expect(roundTrip(new URL('http://a/b?c=1')).searchParams.get('c')).toBe('1')
  expect(roundTrip(new URLSearchParams('a=1&a=2')).getAll('a')).toEqual(['1', '2'])
  expect(roundTrip(Symbol.for('mine'))).toBe(Symbol.for('mine'))
  expect(roundTrip(Symbol.asyncIterator)).toBe(Symbol.asyncIterator)
})

it('keeps a resizable buffer resizable', () => {
  const Resizable = ArrayBuffer as unknown as new (n: number, o: object) => ArrayBuffer & { maxByteLength: number; resizable: boolean }
  const copy = roundTrip(new Resizable(3, { maxByteLength: 9 }))
  expect([copy.byteLength, copy.resizable, copy.maxByteLength]).toEqual([3, true, 9])
})

it('sends errors with class, message, stack, cause, own fields and the errors of an AggregateError', () => {
  const error = Object.assign(new TypeError('bad', { cause: new Error('why') }), { code: 'E1', info: { a: 1 } })
  const copy = roundTrip(error)
  expect(copy).toBeInstanceOf(TypeError)
  expect(copy.stack).toBe(error.stack)
  expect(copy).toMatchObject({ message: 'bad', code: 'E1', info: { a: 1 } })
  expect((copy.cause as Error).message).toBe('why')
  expect(Object.keys(copy)).toEqual(['code', 'info'])
  const both = roundTrip(new AggregateError([new Error('1'), 2], 'both'))
  expect(both).toBeInstanceOf(AggregateError)
  expect(both.errors).toMatchObject([{ message: '1' }, 2])
  const named = new Error('x')
  Object.defineProperty(named, 'name', { value: 'Custom' })
  expect(String(roundTrip(named))).toBe('Custom: x')
})

it('sends a DOMException', () => {
  const copy = roundTrip(new DOMException('gone', 'AbortError'))
  expect(copy).toBeInstanceOf(DOMException)
  expect(copy).toMatchObject({ message: 'gone', name: 'AbortError', code: 20 })
})

it('sends our own errors without help from a package for functions', () => {
  const copy = roundTrip(new Full('no room', { details: { limit: 1 }, cause: 5 }))
  expect(copy).toBeInstanceOf(Full)
  expect(copy.constructor).toBe(Full)
  expect(copy).toMatchObject({ code: 'ERR_MULTIPROC_FULL', message: 'no room', details: { limit: 1 }, cause: 5, name: 'Full' })
})

it('takes plain objects, arrays and errors of another realm for what they are', () => {
  const foreign = runInNewContext('({ a: [1, new Map([[1, 2]])], e: new TypeError("t"), d: new Date(3) })')
  const copy = roundTrip(foreign)
  expect(copy).toEqual({ a: [1, new Map([[1, 2]])], e: expect.any(TypeError), d: new Date(3) })
  expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
})

it('reads each getter once, and takes one that encodes a message itself', () => {
  let reads = 0
  const value = { get a() { return ++reads }, get b() { return roundTrip({ inner: [1, 2, { x: 'y' }] }) }, c: { z: 1 } }
  expect(roundTrip(value)).toEqual({ a: 1, b: { inner: [1, 2, { x: 'y' }] }, c: { z: 1 } })
})

it('lets an error of a getter through, and works afterwards', () => {
  const own = new Error('mine')
  expect(() => encode({ get a() { throw own } })).toThrow(own)
  expect(roundTrip({ a: 1 })).toEqual({ a: 1 })
})

it('writes objects of one shape once, and reads them by the compiled and the plain way alike', () => {
  const items = Array.from({ length: 200 }, (_, i) => ({ id: i, name: `item ${i}` }))
  expect(roundTrip(items)).toEqual(items)
  expect(encode(items).length).toBeLessThan(200 * 18)
  const cyclic: unknown[] = [...items, items[3]]
  expect(roundTrip(cyclic)).toEqual(cyclic)
})

it('does not let a key __proto__ reach a prototype, with or without a compiled shape', () => {
  const evil = JSON.parse('{"__proto__":{"admin":true},"a":1}')
  for (let i = 0; i < 20; i++) {
    const copy = roundTrip([evil, { ...evil }])[0]
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
    expect(copy.admin).toBeUndefined()
    expect(Object.hasOwn(copy, '__proto__')).toBe(true)
  }
})

it('sends 20 MB, and gives the scratch back afterwards', () => {
  const bytes = new Uint8Array(20_000_000).fill(7)
  expect(Buffer.compare(roundTrip(bytes), bytes)).toBe(0)
  expect(encode(1).scratch.length).toBeLessThan(1_000_000)
})

describe('depth', () => {
  const nest: Record<string, (inner: unknown) => unknown> = {
    objects: (inner) => ({ inner }),
    arrays: (inner) => [inner],
    maps: (inner) => new Map([[1, inner]]),
    'map keys': (inner) => new Map([[inner, 1]]),
    sets: (inner) => new Set([inner]),
    causes: (inner) => new Error('x', { cause: inner }),
    'named arrays': (inner) => Object.assign([inner], { index: 1 }),
  }
  for (const [name, wrap] of Object.entries(nest)) {
    it(`reaches 499 levels of ${name}, and refuses 2,000 by code`, () => {
      let value: unknown = 1
      for (let i = 0; i < 499; i++) value = wrap(value)
      expect(() => roundTrip(value)).not.toThrow()
      for (let i = 0; i < 1501; i++) value = wrap(value)
      expect(() => encode(value)).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_TOO_LARGE' }))
    })
  }

  it('refuses by code where the stack ends first', () => {
    let value: unknown = 1
    for (let i = 0; i < 450; i++) value = { value }
    let seen: unknown
    const dive = (): void => {
      try {
        dive()
      } catch {
        // The innermost frame that can still call: hardly any stack is left.
      }
      if (seen === undefined) {
        try {
          encode(value)
          seen = 'done'
        } catch (error) {
          seen = error
        }
      }
    }
    dive()
    expect(seen instanceof RangeError && !(seen instanceof MultiprocError) ? 'too deep to build even the error' : seen).toBeDefined()
    expect(roundTrip(value)).toEqual(value)
  })
})
