import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decode, encode, Full, MultiprocError } from '@multiproc/core'

/** Either a value or one of our errors; anything else is a bug. */
function survives(bytes: Uint8Array): void {
  try {
    decode(bytes)
  } catch (error) {
    if (!(error instanceof MultiprocError)) throw error
    expect(['ERR_MULTIPROC_BAD_FRAME', 'ERR_MULTIPROC_NO_CLOSURE', 'ERR_MULTIPROC_LAYOUT']).toContain(error.code)
  }
}

const shared = { a: 1 }
const messages = [
  { id: 1, name: 'x', ok: true, list: [1, 'two', 3.5, -70_000, 2n ** 80n, 5n] },
  [shared, shared, new Map<unknown, unknown>([[1, { b: shared }]]), new Set([shared])],
  [new Date(1), /x/g, new Uint8Array(9).subarray(2, 5), new DataView(new ArrayBuffer(3)), Buffer.from('hello'), new URL('http://x/')],
  [new Error('a', { cause: [1] }), new Full('b', { details: { a: 1 } }), Object(1), [, 1, , 2], 'abc'.match(/b/), Symbol.for('x'), Symbol.iterator],
  Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`key ${i}`, i])),
].map((value) => Uint8Array.from(encode(value).bytes))

it('takes any bytes', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), survives), { numRuns: 5000 })
})

it('takes any bytes behind a valid header', () => {
  fc.assert(
    fc.property(fc.constantFrom(0x10, 0x11), fc.array(fc.oneof(fc.integer({ min: 0x80, max: 0xff }), fc.integer({ min: 0, max: 20 })), { maxLength: 60 }), (header, rest) =>
      survives(Uint8Array.from([header, ...rest])),
    ),
    { numRuns: 10_000 },
  )
})

it('takes any message with bytes changed, cut or doubled', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...messages),
      fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }),
      fc.nat(400),
      fc.nat(400),
      (message, changes, from, to) => {
        const bytes = Uint8Array.from(message)
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        survives(bytes)
        survives(bytes.slice(0, from))
        survives(Uint8Array.from([...bytes.slice(0, from), ...bytes.slice(to)]))
      },
    ),
    { numRuns: 5000 },
  )
})

it('refuses huge lengths before anything is allocated', () => {
  const huge = [0xff, 0xff, 0xff, 0xff, 0x0f]
  const before = process.memoryUsage.rss()
  for (const tag of [0xb7, 0xb8, 0xbc, 0xc3, 0xc7, 0xc8, 0xc9, 0xcb]) {
    for (let i = 0; i < 20; i++) expect(() => decode(Uint8Array.from([0x10, tag, ...huge, 0, 0, 0]))).toThrow(MultiprocError)
  }
  expect(process.memoryUsage.rss() - before).toBeLessThan(200_000_000)
})

it('refuses another format version, an empty message and bytes left over', () => {
  expect(() => decode(new Uint8Array([0x20, 1]))).toThrow(/format 2/)
  expect(() => decode(new Uint8Array())).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_BAD_FRAME' }))
  expect(() => decode(new Uint8Array([0x10, 1, 1]))).toThrow(/left over/)
})

it('refuses bytes that nest without end, and goes on working', () => {
  for (const tag of [0xa1, 0xc8, 0xcc, 0xd3, 0xbe]) {
    expect(() => decode(new Uint8Array(2_000_000).fill(tag).fill(0x10, 0, 1))).toThrow(MultiprocError)
  }
  survives(messages[0] as Uint8Array)
})

it('reads a message out of the middle of other bytes', () => {
  const message = messages[1] as Uint8Array
  const around = new Uint8Array(message.length + 20)
  around.set(message, 7)
  expect(decode(around, 7, 7 + message.length)).toEqual(decode(message))
})
