/**
 * Messages with bytes changed, cut, doubled, moved and mixed, as many as the time allows, given to the decoder. Each is
 * a value or one of our errors by code, in bounded time and memory; no prototype is changed by any of them.
 * Functions are left out: their bytes are code, and are decoded only where they come from the program itself.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { decode, encode, Full, MultiprocError } from '@multiproc/core'
import { campaign, type Campaign } from './report.ts'

const BATCH = 20_000
/** One input of a few hundred bytes. Generous: the machine may be busy with other things. */
const INPUT_LIMIT_MS = 5_000
const GROWTH_LIMIT_BYTES = 1_000_000_000
const codes = new Set(['ERR_MULTIPROC_BAD_FRAME', 'ERR_MULTIPROC_NO_CLOSURE', 'ERR_MULTIPROC_LAYOUT'])
/** Numbers at which lengths and kinds change. */
const edges = [0, 1, 0x0f, 0x10, 0x1f, 0x20, 0x7f, 0x80, 0x9f, 0xa0, 0xaf, 0xb0, 0xc0, 0xc4, 0xd0, 0xd6, 0xfe, 0xff]

const shared = { a: 1 }
const cyclic: { self?: unknown; list: unknown[] } = { list: [shared, shared] }
cyclic.self = cyclic
const values: unknown[] = [
  { id: 1, name: 'x', ok: true, list: [1, 'two', 3.5, -70_000, 2n ** 80n, 5n, 'ж'], none: undefined, null: null },
  [shared, cyclic, new Map<unknown, unknown>([[1, { b: shared }]]), new Set([shared, 'one'])],
  [new Date(1), /x/g, new Uint8Array(9).subarray(2, 5), new DataView(new ArrayBuffer(3)), Buffer.from('hello'), new URL('http://x/'), new Float64Array(3), new URLSearchParams('a=1')],
  [new Error('a', { cause: [1] }), new Full('b', { details: { a: 1 } }), new AggregateError([new TypeError('c')]), Object(1), Object('s'), [, 1, , 2], 'abc'.match(/b/), Symbol.for('x'), Symbol.iterator],
  Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`key ${i}`, i])),
  JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":1,"then":2}'),
  Array.from({ length: 40 }, (_, i) => ({ id: i, name: `name ${i}`, tags: ['a', 'b'] })),
  new DOMException('d', 'AbortError'),
]

const prototypes = [Object, Array, Function, Map, Set, Error, Date, RegExp, Promise, Uint8Array, ArrayBuffer, Symbol, Buffer, URL].map((Class) => Class.prototype as object)
const stateOf = (): string => prototypes.map((one) => [Reflect.ownKeys(one).length, Object.getPrototypeOf(one) === null, Object.isFrozen(one)].join()).join(';')

function mutated(run: Campaign, messages: readonly Uint8Array[]): Uint8Array {
  const pick = (): Uint8Array => messages[run.integer(0, messages.length - 1)] as Uint8Array
  let bytes = Uint8Array.from(pick())
  for (let changes = run.integer(1, 4); changes > 0; changes--) {
    const at = run.integer(0, bytes.length - 1)
    switch (run.integer(0, 6)) {
      case 0:
        bytes[at] = run.integer(0, 255)
        break
      case 1:
        bytes[at] = edges[run.integer(0, edges.length - 1)] as number
        break
      case 2:
        bytes[at] = (bytes[at] as number) ^ (1 << run.integer(0, 7))
        break
      case 3:
        bytes = bytes.slice(0, at + 1)
        break
      case 4:
        bytes = joined(bytes.subarray(0, at), bytes.subarray(run.integer(0, bytes.length - 1)))
        break
      case 5: {
        const other = pick()
        bytes = joined(bytes.subarray(0, at), other.subarray(run.integer(0, other.length - 1)))
        break
      }
      default:
        // A length of up to 2³².
        bytes = joined(bytes.subarray(0, at), Uint8Array.from([0xff, 0xff, 0xff, 0xff, run.integer(0, 0x0f)]), bytes.subarray(at))
    }
    if (bytes.length === 0) bytes = Uint8Array.of(0x10)
  }
  return bytes
}

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.concat(parts))
}

function tryOne(run: Campaign, bytes: Uint8Array): void {
  const beganMs = performance.now()
  try {
    const value = decode(bytes)
    run.count('values')
    // What came out must be usable: sending it on is refused or works.
    if (run.integer(0, 20) === 0) encode(value).abort()
  } catch (error) {
    const isOurs = error instanceof MultiprocError && (codes.has(error.code) || /NOT_SENDABLE|TOO_LARGE/.test(error.code))
    if (!isOurs) run.violation(`${String((error as Error).stack)}\nbytes ${Buffer.from(bytes).toString('hex')}`)
  }
  const tookMs = performance.now() - beganMs
  if (tookMs > INPUT_LIMIT_MS) run.violation(`took ${tookMs} ms: bytes ${Buffer.from(bytes).toString('hex')}`)
}

await campaign({ seconds: 120 }, async (run) => {
  const messages = values.map((value) => Uint8Array.from(encode(value).bytes))
  const before = stateOf()
  for (const message of messages) decode(message)
  const rssBefore = process.memoryUsage.rss()
  let most = 0
  while (!run.isOver) {
    for (let i = 0; i < BATCH && !run.isOver; i++) {
      tryOne(run, mutated(run, messages))
      run.count('inputs')
    }
    if (stateOf() !== before || 'polluted' in {}) run.violation('a prototype was changed')
    most = Math.max(most, process.memoryUsage.rss() - rssBefore)
    if (most > GROWTH_LIMIT_BYTES) run.violation(`memory grew by ${most} bytes`)
    await turn()
  }
  run.count('grownMiB', Math.round(most / 2 ** 20))
})
