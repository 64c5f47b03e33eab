import type { Agent } from '../contracts/agent.ts'
import { CAPACITY, FLAG_BITS, HEAD, headerOf, longestPayload, MAGIC, PAD, RECORDS, RING_MAGIC, spanOf, TAIL } from './layout.ts'

/**
 * A ring with one producer and one consumer at a time. Both sides are wait-free: neither ever waits for the other, dead or
 * alive. Layout: layout.ts. Where several threads share a side, sides.ts lets one of them in at a time.
 * Source: Agrona OneToOneRingBuffer (design only); differs: 4-byte units, positions compared by subtraction, no word for
 * what was taken and not yet released (see below).
 *
 * State        words            set by      legal next
 *   EMPTY      head == tail     consumer    READABLE
 *   READABLE   head != tail     producer    READABLE, EMPTY
 *
 * Death between                          leaves                          who repairs, how
 *   first payload byte and tail store    bytes behind tail, unseen       nobody: the next producer writes over them
 *   peek and head store                  the record, still READABLE      nobody: the next consumer reads it again
 *
 * A consumer copies a record out before it stores head. So what it took and did not release is still there for whoever
 * comes after it, and a shared word for "taken" would only be one more store and one more thing to repair.
 */
export class Ring {
  /** The record that `peek` found: where its payload starts in `bytes`, its length, its flags. */
  start = 0
  length = 0
  flags = 0
  readonly bytes: Uint8Array
  /** In words. */
  readonly capacity: number
  readonly #agent: Agent
  readonly #words: Int32Array
  readonly #tail: number
  readonly #head: number
  readonly #records: number
  readonly #mask: number
  #next = 0

  /** Writes a new, empty ring. `base` is a word index, `capacityBytes` a power of two of at least 32. */
  static create(agent: Agent, words: Int32Array, bytes: Uint8Array, base: number, capacityBytes: number): Ring {
    const capacity = capacityBytes >> 2
    if (capacity < 8 || (capacity & (capacity - 1)) !== 0) throw new RangeError(`ring capacity ${capacityBytes}: not a power of two of at least 32`)
    agent.ops.store(words, base + CAPACITY, capacity)
    agent.ops.store(words, base + TAIL, 0)
    agent.ops.store(words, base + HEAD, 0)
    agent.ops.store(words, base + MAGIC, RING_MAGIC)
    return new Ring(agent, words, bytes, base)
  }

  /** Attaches to a ring that stands at the word index `base`. `words` and `bytes` are two views of the same memory. */
  constructor(agent: Agent, words: Int32Array, bytes: Uint8Array, base: number) {
    const magic = agent.ops.load(words, base + MAGIC)
    if (magic !== RING_MAGIC) throw new Error(`no ring of layout ${RING_MAGIC.toString(16)} here, but ${magic.toString(16)}`)
    this.#agent = agent
    this.#words = words
    this.bytes = bytes
    this.capacity = agent.ops.load(words, base + CAPACITY)
    this.#mask = this.capacity - 1
    this.#tail = base + TAIL
    this.#head = base + HEAD
    this.#records = base + RECORDS
  }

  get longestPayload(): number {
    return longestPayload(this.capacity)
  }

  /** True when a record of this length fits now. Only the producer may rely on it: room grows, but never shrinks, without it. */
  hasRoom(length: number, flags: number): boolean {
    const { ops } = this.#agent
    const tail = ops.load(this.#words, this.#tail)
    const span = spanOf(this.capacity, length, flags)
    const left = this.capacity - (tail & this.#mask)
    // OBSERVE(R2): everything before this head was copied out by its consumer.
    const used = (tail - ops.load(this.#words, this.#head)) | 0
    return used + (left < span ? left + span : span) <= this.capacity
  }

  /** Producer: appends `length` bytes of `source` as one record. False, and nothing changed, when there is no room. */
  tryPush(source: Uint8Array, length: number, flags: number, from = 0): boolean {
    const { ops } = this.#agent
    const words = this.#words
    const tail = ops.load(words, this.#tail)
    const span = spanOf(this.capacity, length, flags)
    let at = tail & this.#mask
    const left = this.capacity - at
    const gap = left < span ? left : 0
    // OBSERVE(R2): everything before this head was copied out by its consumer and may be written over.
    const used = (tail - ops.load(words, this.#head)) | 0
    if (used + gap + span > this.capacity) return false
    if (gap > 0) {
      words[this.#records + at] = headerOf((gap - 1) << 2, PAD)
      at = 0
    }
    words[this.#records + at] = headerOf(length, flags)
    copyBytes(source, from, this.bytes, (this.#records + at + 1) << 2, length)
    // PUBLISH(R1): the record above (and the PAD in front of it) is visible to OBSERVE(R1) in peek().
    ops.store(words, this.#tail, (tail + gap + span) | 0)
    return true
  }

  /** Consumer: finds the oldest record and says where it is, without taking it. False when the ring is empty. */
  peek(): boolean {
    const { ops } = this.#agent
    const words = this.#words
    let head = ops.load(words, this.#head)
    // OBSERVE(R1): the records up to this tail are whole.
    if (head === ops.load(words, this.#tail)) return false
    let header = ops.load(words, this.#records + (head & this.#mask))
    if (header & PAD) {
      head = (head + 1 + (header >>> (FLAG_BITS + 2))) | 0 // to the start of the area, where the record published with it is
      header = ops.load(words, this.#records + (head & this.#mask))
    }
    this.length = header >>> FLAG_BITS
    this.flags = header & (PAD - 1)
    this.start = (this.#records + (head & this.#mask) + 1) << 2
    this.#next = (head + spanOf(this.capacity, this.length, this.flags)) | 0
    return true
  }

  /** Consumer: gives the room of the record that `peek` found back. Its bytes must have been copied out. */
  release(): void {
    // PUBLISH(R2): this consumer reads nothing before this head any more; OBSERVE(R2) in tryPush() and hasRoom().
    this.#agent.ops.store(this.#words, this.#head, this.#next)
  }

  /** True when no record is there. Either side may ask; the answer may be old when it arrives. */
  get isEmpty(): boolean {
    const { ops } = this.#agent
    return ops.load(this.#words, this.#head) === ops.load(this.#words, this.#tail)
  }
}

/** A loop below 64 bytes, where the call of `copy` costs more than the bytes; measured break-even 48 to 80. */
export function copyBytes(source: Uint8Array, from: number, target: Uint8Array, to: number, length: number): void {
  if (length < 64) for (let i = 0; i < length; i++) target[to + i] = source[from + i]!
  else Buffer.prototype.copy.call(source, target, to, from, from + length)
}
