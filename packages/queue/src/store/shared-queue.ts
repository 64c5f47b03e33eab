import {
  allocator, arena, currentThread, decode, Holders, HOLDERS_BYTES, Holding, Line, Mutex, MUTEX_BYTES, MultiprocError, waitAsync, Waiters,
  WAITERS_BYTES, wakeAll, wakeFirst,
} from '@multiproc/core'
import type { ArenaPlace, Encoded, Thread } from '@multiproc/core'
import { HEAD_WORDS, IMMEDIATE, JOINABLE, SHUT_DOWN, STORE_VERSION } from './layout.ts'
import { ArenaSegments } from './arena-segments.ts'
import { EXTENT_LENGTH_WORD, Store } from './store.ts'
import type { PutOutcome, Taken } from './store.ts'

/** Where the parts lie in the queue's block, in bytes from its payload: the holder table first, as the allocator wants it. */
const STORE_AT = HOLDERS_BYTES
const MUTEX_AT = STORE_AT + HEAD_WORDS * 4
const GETTERS_AT = MUTEX_AT + align(MUTEX_BYTES)
const PUTTERS_AT = GETTERS_AT + align(WAITERS_BYTES)
const JOINERS_AT = PUTTERS_AT + align(WAITERS_BYTES)
const BLOCK_BYTES = JOINERS_AT + align(WAITERS_BYTES)

/** An encoded item longer than this lies in an extent of its own, so that a segment always has room for four. */
const LONGEST_INLINE_BYTES = 16 * 1024
const EXTENT_RECORD_BYTES = 12

function align(bytes: number): number {
  return (bytes + 63) & ~63
}

/** An item that this thread has TAKEN and decoded. It comes back if the thread dies before `finish` or `giveBack`. */
export interface Found {
  readonly value: unknown
  readonly taken: Taken
}

/** What a queue is in this thread: one for all handles that its code has on the same queue. */
export class SharedQueue extends Holding {
  readonly thread: Thread
  readonly getters: Waiters
  readonly putters: Waiters
  readonly joiners: Waiters
  /** The async calls of this thread, each done in the order they were made, whatever handle they were made with. */
  readonly puts: Line
  readonly gets: Line
  readonly store: Store
  readonly #mutex: Mutex
  readonly #extentRecord = Buffer.alloc(EXTENT_RECORD_BYTES)

  private constructor(place: ArenaPlace) {
    const thread = currentThread()
    const { words, base } = arena().region(place.offset)
    const at = (bytes: number): number => (place.offset - base + bytes) >> 2
    super(place, new Holders(thread, words, at(0)))
    this.thread = thread
    this.#mutex = new Mutex(thread, words, at(MUTEX_AT))
    this.getters = new Waiters(thread, words, at(GETTERS_AT))
    this.putters = new Waiters(thread, words, at(PUTTERS_AT))
    this.joiners = new Waiters(thread, words, at(JOINERS_AT))
    this.puts = new Line(thread, (line, stop) => this.#sleep(line, stop, this.putters))
    this.gets = new Line(thread, (line, stop) => this.#sleep(line, stop, this.getters, () => this.takers()))
    this.store = new Store(thread, words, at(STORE_AT), new ArenaSegments(place))
  }

  static create(maxSize: number, maxBytes: number, joinable = false): SharedQueue {
    const queue = new SharedQueue(allocator().alloc(BLOCK_BYTES, { held: true }))
    queue.store.format(maxSize, Math.ceil(maxBytes / 4), joinable ? JOINABLE : 0)
    return queue
  }

  /** The queue that a message named. The message's flight keeps the block alive during the call. */
  static attach(place: ArenaPlace): SharedQueue {
    const known = Holding.find(SharedQueue, place)
    if (known !== undefined) return known
    const queue = new SharedQueue(place)
    const version = queue.store.layoutVersion
    if (version !== STORE_VERSION) {
      throw new MultiprocError('ERR_MULTIPROC_LAYOUT', `a queue with store layout ${version} was received; this @multiproc/queue knows layout ${STORE_VERSION}. Install one version of it for all.`, {
        details: { sent: version, here: STORE_VERSION },
      })
    }
    return queue
  }

  /** Puts what `encode` left in the scratch. Nothing of it is visible, and nothing in flight, unless it returns 'put'. */
  tryPut(encoded: Encoded): PutOutcome {
    if (this.store.isFull) return this.store.flags & SHUT_DOWN ? 'shut down' : 'full'
    const { scratch, length } = encoded
    const outcome = length > LONGEST_INLINE_BYTES ? this.#putExtent(scratch, length) : this.#locked(() => this.store.put(scratch, length, false))
    if (outcome === 'put') {
      encoded.commit()
      wakeFirst(this.thread, this.getters)
    }
    return outcome
  }

  /**
   * Takes and decodes the oldest item, which is this thread's until `finish` or `giveBack`, or its death. What decoding
   * throws is thrown, and the item is gone: it can never be decoded. The caller retains the queue: code of the user's runs
   * in here, and may close the last handle.
   */
  tryTake(fromHead: boolean): Found | undefined {
    const taken = this.#take(fromHead)
    if (!taken) return undefined
    wakeFirst(this.thread, this.putters)
    try {
      return { value: this.#decode(taken), taken }
    } catch (error) {
      // Nobody can say `taskDone` for an item that nobody got.
      this.#finish(taken, false)
      throw error
    }
  }

  /** The item is in the hands of its consumer, who now owes a `taskDone` in a JoinableQueue unless it was leased. */
  finish(taken: Taken, wasLeased: boolean): void {
    this.#finish(taken, !wasLeased && this.store.isJoinable)
  }

  giveBack(taken: Taken): void {
    this.#locked(() => this.store.giveBack(taken))
    wakeFirst(this.thread, this.getters)
  }

  /** False: nothing is owed. */
  taskDone(): boolean {
    const settled = this.#locked(() => this.store.settleOne())
    wakeAll(this.thread, this.joiners)
    return settled
  }

  get isAllDone(): boolean {
    return this.#locked(() => this.store.isAllDone())
  }

  debtors(): number[] {
    return this.#locked(() => this.store.debtors())
  }

  /** A get would not wait: an item is there, or one of a dead consumer's, or nothing will ever be. */
  get isReady(): boolean {
    const { size, flags } = this.store
    return size > 0 || (flags & SHUT_DOWN) !== 0 || this.takers().some((id) => this.thread.isDead(id))
  }

  /** Whose death gives an item back. */
  takers(): number[] {
    return this.#locked(() => this.store.takers())
  }

  shutDown(immediate: boolean): void {
    this.#locked(() => this.store.setFlags(immediate ? SHUT_DOWN | IMMEDIATE : SHUT_DOWN))
    wakeAll(this.thread, this.getters)
    wakeAll(this.thread, this.putters)
    wakeAll(this.thread, this.joiners)
  }

  async #sleep(line: Line, stop: AbortSignal, waiters: Waiters, watch?: () => readonly number[]): Promise<void> {
    try {
      await waitAsync(this.thread, waiters, () => line.serve() || undefined, watch, { signal: stop })
    } catch (error) {
      if (!stop.aborted) throw error
    }
  }

  #take(fromHead: boolean): Taken | undefined {
    if (this.store.flags & IMMEDIATE) return undefined
    const { lost } = this.store
    const taken = this.#locked(() => this.store.take(fromHead))
    if (this.store.lost !== lost) wakeAll(this.thread, this.joiners)
    return taken
  }

  #decode(taken: Taken): unknown {
    const start = (taken.index + 2) << 2
    if (!taken.isExtent) return decode(taken.view.bytes, start, start + taken.length)
    const { place, length } = this.#extentOf(taken)
    const bytes = Buffer.allocUnsafeSlow(length)
    arena().readAt(place.offset, bytes)
    return decode(bytes)
  }

  /** DONE first: a death in between leaves the extent to the queue's end, the other order an item without its bytes. */
  #finish(taken: Taken, owes: boolean): void {
    const extent = taken.isExtent ? this.#extentOf(taken).place : undefined
    this.store.done(taken, owes)
    if (!owes) wakeAll(this.thread, this.joiners)
    if (extent) allocator().free(extent)
  }

  #extentOf(taken: Taken): { place: ArenaPlace; length: number } {
    const { words } = taken.view
    const at = taken.index + 2
    return {
      place: { offset: (words[at] as number) * 64, generation: words[at + 1] as number },
      length: words[at + EXTENT_LENGTH_WORD] as number,
    }
  }

  #putExtent(bytes: Uint8Array, length: number): PutOutcome {
    const extent = allocator().alloc(length, { owner: this.thread.id }, { zeroed: false })
    let outcome: PutOutcome = 'full'
    try {
      arena().writeAt(extent.offset, bytes.subarray(0, length))
      const record = this.#extentRecord
      record.writeInt32LE(extent.offset / 64, 0)
      record.writeInt32LE(extent.generation, 4)
      record.writeInt32LE(length, 4 * EXTENT_LENGTH_WORD)
      outcome = this.#locked(() => {
        // The queue keeps it before anybody can take it; a death in between leaves it until the queue goes.
        allocator().adopt(extent, { parent: this.place })
        return this.store.put(record, EXTENT_RECORD_BYTES, true, length)
      })
      return outcome
    } finally {
      if (outcome !== 'put') allocator().free(extent)
    }
  }

  /** Each step on the index is under a microsecond; a holder that is stopped (SIGSTOP) in it stops the others. */
  #locked<T>(step: () => T): T {
    this.#mutex.acquireSync(Infinity)
    try {
      if (this.#mutex.abandoned) this.store.recount()
      return step()
    } finally {
      this.#mutex.release()
    }
  }
}
