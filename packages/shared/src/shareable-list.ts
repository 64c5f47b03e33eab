import { argumentType, argumentValue, checkOptions, MultiprocError, registerHandle } from '@multiproc/core'
import { BLOCK_VERSION } from './block.ts'
import { checkName } from './named-memory.ts'
import { SharedMemory } from './shared-memory.ts'

export type ShareableItem = number | bigint | boolean | string | Uint8Array | null

/**
 * The bytes of CPython's ShareableList, for n items (little endian):
 *   0                int64 n
 *   8                (n + 1) int64: where each item begins, from `data` on, and the end of the last
 *   data             8 bytes a number, boolean or null; text (UTF-8) and bytes a slot of 8 × (length / 8 + 1), NUL padded
 *   formats          n × 8 characters: `q`, `d`, `xxxxxxx?` (boolean in byte 7), `xxxxxx?x` (null), `16s`
 *   kinds            n bytes: 0 number or boolean, 1 text, 2 bytes, 3 null
 * Several steps write an item, none of them atomic: use a lock, as in Python.
 */
const ALIGN = 8
const INT = 'q'
const FLOAT = 'd'
const BOOLEAN = 'xxxxxxx?'
const NULL = 'xxxxxx?x'
/** Slots of more have no room for their own format. */
const LONGEST_SLOT = 9_999_999
const MIN_INT = -(2n ** 63n)
const MAX_INT = 2n ** 63n - 1n

const KIND_VALUE = 0
const KIND_TEXT = 1
const KIND_BYTES = 2
const KIND_NULL = 3

/** An item as it lies in memory; `format` of text and bytes depends on the slot. */
interface Packed {
  readonly format: string | undefined
  readonly kind: number
  readonly bytes: Uint8Array
}

/**
 * A list of fixed length with numbers, booleans, text, bytes and nulls, in shared memory, in the same bytes as Python's:
 * `ShareableList(name=…)` there opens a named one of ours, and the other way round.
 *
 * @remarks
 * Items may change their type; text and bytes must fit the slot they were given at the start, counted in UTF-8 bytes. A whole number
 * is Python's int (64 bits), read as a bigint if it is not a safe integer; any other number is a float. Text and bytes that end
 * in NUL are refused, because the layout cannot keep those. No locking.
 *
 * @example
 * const list = new ShareableList(['spam', 42, null, true])
 * list.set(1, 43)
 */
export class ShareableList<T extends readonly ShareableItem[] = ShareableItem[]> implements Disposable, Iterable<T[number]> {
  readonly shm: SharedMemory
  readonly length: number
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly #formats: number
  readonly #kinds: number

  /**
   * @param items - to create; without them `options.name` is opened.
   * @throws ERR_MULTIPROC_ARG_TYPE, ERR_MULTIPROC_ARG_VALUE, ERR_MULTIPROC_EXISTS (a name that is taken), ERR_MULTIPROC_NOT_FOUND,
   * ERR_MULTIPROC_NO_MEMORY; ERR_MULTIPROC_LAYOUT if the memory holds no list.
   */
  constructor(items?: Iterable<T[number]>, options?: { readonly name?: string | undefined }) {
    const call = 'new ShareableList()'
    const revived = items as unknown
    if (revived instanceof SharedMemory) {
      this.shm = revived
    } else {
      checkOptions(call, options, ['name'])
      const name = options?.name
      if (name !== undefined) checkName(`${call}: options.name`, name)
      if (items === undefined && name === undefined) throw argumentType(`${call}: items`, 'an iterable, or options.name given', items)
      this.shm = items === undefined ? new SharedMemory({ name, create: false }) : create(call, items, name)
    }
    this.#bytes = this.shm.bytes
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length)
    try {
      this.length = this.#readInt(0)
      if (this.length < 0 || (this.length + 2) * 8 > this.shm.size) throw new RangeError('length')
      this.#formats = this.#data + this.#offset(this.length)
      this.#kinds = this.#formats + this.length * 8
      if (this.#formats < this.#data || this.#kinds + this.length > this.shm.size) throw new RangeError('formats')
      for (let i = 0; i < this.length; i++) {
        if (this.#offset(i) < 0 || this.#offset(i) + ALIGN > this.#offset(i + 1)) throw new RangeError('offsets')
      }
    } catch (cause) {
      const { name, size } = this.shm
      this.shm.close()
      throw new MultiprocError('ERR_MULTIPROC_LAYOUT', `${call} failed: the ${size} bytes of shared memory ${JSON.stringify(name)} hold no list. See that a ShareableList was made there.`, { cause, details: { name, size } })
    }
  }

  /** @returns undefined outside of the list; negative indices count from the end. */
  at(index: number): T[number] | undefined {
    if (typeof index !== 'number') throw argumentType('shareableList.at(): index', 'a number', index)
    this.#checkOpen('at()')
    const i = Math.trunc(index) || 0
    const place = i < 0 ? this.length + i : i
    return place < 0 || place >= this.length ? undefined : this.#read(place)
  }

  /** @throws RangeError for an index outside of the list, and for text or bytes longer than the slot; nothing is changed then. */
  set(index: number, value: T[number]): void {
    const call = 'shareableList.set()'
    this.#checkOpen('set()')
    if (typeof index !== 'number') throw argumentType(`${call}: index`, 'a number', index)
    if (!Number.isInteger(index) || index < 0 || index >= this.length) throw argumentValue(`${call}: index`, `an integer from 0 to ${this.length - 1}`, index)
    const packed = pack(`${call}: value`, value)
    const start = this.#offset(index)
    const slot = this.#offset(index + 1) - start
    if (packed.bytes.length > slot) throw argumentValue(`${call}: value`, `at most ${slot} bytes long, the slot of item ${index}`, `${packed.bytes.length} bytes`)
    this.#write(index, packed, slot)
  }

  /** @returns the index of the first item that equals `value`, or -1. Python's `index` raises instead. */
  indexOf(value: T[number]): number {
    this.#checkOpen('indexOf()')
    for (let i = 0; i < this.length; i++) if (isEqual(this.#read(i), value)) return i
    return -1
  }

  count(value: T[number]): number {
    this.#checkOpen('count()')
    let count = 0
    for (const item of this) if (isEqual(item, value)) count++
    return count
  }

  *[Symbol.iterator](): IterableIterator<T[number]> {
    for (let i = 0; i < this.length; i++) yield this.at(i) as T[number]
  }

  get closed(): boolean {
    return this.shm.closed
  }

  /** `shm.close()`. A name stays until `shm.unlink()`. */
  close(): void {
    this.shm.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  get #data(): number {
    return (this.length + 2) * 8
  }

  #offset(index: number): number {
    return this.#readInt(8 + index * 8)
  }

  #readInt(at: number): number {
    const value = Number(this.#view.getBigInt64(at, true))
    if (!Number.isSafeInteger(value)) throw new RangeError('not a length')
    return value
  }

  #read(index: number): T[number] {
    const at = this.#data + this.#offset(index)
    const format = Buffer.from(this.#bytes.subarray(this.#formats + index * 8, this.#formats + index * 8 + 8)).toString('latin1').replace(/\0+$/, '')
    const kind = this.#bytes[this.#kinds + index]
    if (kind === KIND_NULL) return null
    if (format === INT) {
      const value = this.#view.getBigInt64(at, true)
      return Number.isSafeInteger(Number(value)) ? Number(value) : value
    }
    if (format === FLOAT) return this.#view.getFloat64(at, true)
    if (format === BOOLEAN) return this.#bytes[at + 7] !== 0
    if (!/^\d+s$/.test(format)) {
      throw new MultiprocError('ERR_MULTIPROC_LAYOUT', `shareableList item ${index} has the format ${JSON.stringify(format)}, which no list has: something else wrote there.`, { details: { index, format } })
    }
    const slot = Buffer.from(this.#bytes.subarray(at, this.#data + this.#offset(index + 1)))
    let end = Math.min(slot.length, parseInt(format, 10))
    while (end > 0 && slot[end - 1] === 0) end--
    return kind === KIND_TEXT ? slot.toString('utf8', 0, end) : Uint8Array.from(slot.subarray(0, end))
  }

  #write(index: number, { format, kind, bytes }: Packed, slot: number): void {
    const at = this.#data + this.#offset(index)
    this.#bytes.fill(0, at, at + slot)
    this.#bytes.set(bytes, at)
    const formatAt = this.#formats + index * 8
    this.#bytes.fill(0, formatAt, formatAt + 8)
    this.#bytes.set(Buffer.from(format ?? `${slot}s`, 'latin1'), formatAt)
    this.#bytes[this.#kinds + index] = kind
  }

  #checkOpen(call: string): void {
    if (this.shm.closed) throw new MultiprocError('ERR_MULTIPROC_CLOSED', `\`shareableList.${call}\` failed: its shared memory was closed. Close it after its last use.`)
  }

  static {
    registerHandle<ShareableList>({
      class: ShareableList,
      name: 'shared.ShareableList',
      package: '@multiproc/shared',
      version: BLOCK_VERSION,
      module: import.meta.url,
      reduce: (list) => SharedMemory.sent(list.shm),
      revive: ({ extra, ...place }) => new ShareableList(SharedMemory.received(place, extra) as never),
    })
  }
}

function create(call: string, items: Iterable<ShareableItem>, name: string | undefined): SharedMemory {
  if (typeof items !== 'object' || items === null || !(Symbol.iterator in items)) throw argumentType(`${call}: items`, 'an iterable', items)
  const packed = [...items].map((item, i) => pack(`${call}: items[${i}]`, item))
  const slots = packed.map(({ format, bytes }) => (format === undefined ? ALIGN * (Math.floor(bytes.length / ALIGN) + 1) : ALIGN))
  const dataBytes = slots.reduce((sum, slot) => sum + slot, 0)
  const data = (packed.length + 2) * 8
  const image = Buffer.alloc(data + dataBytes + packed.length * 9)
  image.writeBigInt64LE(BigInt(packed.length), 0)
  let offset = 0
  packed.forEach(({ format, kind, bytes }, i) => {
    const slot = slots[i] as number
    image.writeBigInt64LE(BigInt(offset), 8 + i * 8)
    image.set(bytes, data + offset)
    image.write(format ?? `${slot}s`, data + dataBytes + i * 8, 'latin1')
    image[data + dataBytes + packed.length * 8 + i] = kind
    offset += slot
  })
  image.writeBigInt64LE(BigInt(offset), 8 + packed.length * 8)
  const shm = new SharedMemory({ name, create: name === undefined ? true : 'exclusive', size: image.length })
  shm.bytes.set(image)
  return shm
}

function pack(what: string, value: unknown): Packed {
  const eight = Buffer.alloc(8)
  if (value === null) return { format: NULL, kind: KIND_NULL, bytes: eight }
  if (typeof value === 'boolean') {
    eight[7] = Number(value)
    return { format: BOOLEAN, kind: KIND_VALUE, bytes: eight }
  }
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) {
    const whole = BigInt(value as number | bigint)
    if (whole < MIN_INT || whole > MAX_INT) throw argumentValue(what, 'an integer of 64 bits', value)
    if (!Object.is(value, -0)) {
      eight.writeBigInt64LE(whole)
      return { format: INT, kind: KIND_VALUE, bytes: eight }
    }
  }
  if (typeof value === 'number') {
    eight.writeDoubleLE(value)
    return { format: FLOAT, kind: KIND_VALUE, bytes: eight }
  }
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) throw argumentType(what, 'a number, bigint, boolean, string, Uint8Array or null', value)
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  if (bytes.at(-1) === 0) throw argumentValue(what, 'text or bytes without a NUL at the end, which the layout cannot keep', value)
  if (bytes.length >= LONGEST_SLOT) throw argumentValue(what, `shorter than ${LONGEST_SLOT} bytes`, `${bytes.length} bytes`)
  return { format: undefined, kind: typeof value === 'string' ? KIND_TEXT : KIND_BYTES, bytes }
}

function isEqual(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0
  // As in Python: 5 and 5n are the same number.
  return plain(a) === plain(b)
}

function plain(value: unknown): unknown {
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value
}
