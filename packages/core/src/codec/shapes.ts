/**
 * Objects with the same keys in the same order share a shape. The writer keeps the key list of recent shapes as ready
 * bytes; the reader finds its own by those bytes, and builds objects of a shape that comes often by a function compiled
 * for it (an object literal: the fastest way to make one). Nothing is remembered about what the other side knows.
 */
import * as format from './format.ts'
import { Writer } from './writer.ts'

const WRITER_SLOTS = 512
const READER_SLOTS = 256
/** A shape read this often in one slot is compiled. */
const COMPILE_AFTER = 8
/** No more compiled than this in a thread: keys may come from strangers. */
const MAX_COMPILED = 1000

export interface WriterShape {
  readonly keys: readonly string[]
  /** NEW_SHAPE with the key list. */
  readonly header: Uint8Array
  /** The last message it was written in, and its number there. */
  message: number
  index: number
}

const written: (WriterShape | undefined)[] = new Array(WRITER_SLOTS).fill(undefined)

/** The shape of these keys, which are at least one. */
export function shapeOf(keys: string[]): WriterShape {
  const count = keys.length
  const first = keys[0] as string
  const last = keys[count - 1] as string
  const slot =
    (count * 31 + first.length * 5 + first.charCodeAt(0) * 7 + last.length * 13 + last.charCodeAt(last.length - 1) * 3) &
    (WRITER_SLOTS - 1)
  const known = written[slot]
  if (known !== undefined && sameKeys(known.keys, keys)) return known
  const shape = { keys, header: headerOf(keys), message: 0, index: 0 }
  written[slot] = shape
  return shape
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function headerOf(keys: readonly string[]): Uint8Array {
  const list = new Writer()
  for (const key of keys) list.string(key)
  let hash = 0
  for (let i = 0; i < list.at; i++) hash = (hash * 31 + (list.bytes[i] as number)) & 0xff
  const header = new Writer()
  header.byte(format.NEW_SHAPE)
  header.byte(hash)
  header.varint(keys.length)
  header.varint(list.at)
  header.raw(list.bytes.subarray(0, list.at))
  return header.bytes.slice(0, header.at)
}

/** What the reader asks of itself: the next value of the message. */
interface ValueSource {
  read(): unknown
}

export interface ReaderShape {
  readonly keys: readonly string[]
  readonly list: Uint8Array
  /** Has a key `__proto__`, which must become an own property. */
  readonly hasProto: boolean
  uses: number
  make: ((source: ValueSource) => object) | undefined
}

const read: (ReaderShape | undefined)[] = new Array(READER_SLOTS).fill(undefined)
let compiled = 0

/** The kept shape whose key list is these bytes. */
export function keptShape(hash: number, count: number, bytes: Uint8Array, start: number, length: number): ReaderShape | undefined {
  const known = read[hash]
  if (known === undefined || known.list.length !== length || known.keys.length !== count) return undefined
  const { list } = known
  for (let i = 0; i < length; i++) if (list[i] !== bytes[start + i]) return undefined
  return known
}

export function keepShape(hash: number, keys: readonly string[], list: Uint8Array): ReaderShape {
  const shape: ReaderShape = { keys, list: Uint8Array.from(list), hasProto: keys.includes('__proto__'), uses: 0, make: undefined }
  if (list.length <= format.MAX_KEPT_SHAPE_BYTES) read[hash] = shape
  return shape
}

/** Counts a use; the compiled maker, once there is one. */
export function makerOf(shape: ReaderShape): ReaderShape['make'] {
  if (shape.make !== undefined || shape.hasProto) return shape.make
  if (++shape.uses < COMPILE_AFTER || compiled >= MAX_COMPILED || shape.list.length > format.MAX_KEPT_SHAPE_BYTES) return undefined
  try {
    const fields = shape.keys.map((key) => `${JSON.stringify(key)}: source.read()`)
    shape.make = new Function('source', `return { ${fields.join(', ')} }`) as NonNullable<ReaderShape['make']>
    compiled++
  } catch {
    // `--disallow-code-generation-from-strings`: objects are filled key by key.
    compiled = MAX_COMPILED
  }
  return shape.make
}
