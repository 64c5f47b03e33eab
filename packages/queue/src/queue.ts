import {
  argumentType, argumentValue, checkOptions, checkSyncWaitOptions, checkWaitOptions, closedError, ConditionTurn, deadlineAfter, Empty, encode,
  Full, Line, nextTurn, registerHandle, ShutDown, turnIsDue, WAITABLE, waitAsync, waitSync, wakeAll,
} from '@multiproc/core'
import type { Encoded, SyncWaitOptions, Turn, Waitable, WaitKind, WaitOptions } from '@multiproc/core'
import { Lease } from './lease.ts'
import { STORE_VERSION, SHUT_DOWN } from './store/layout.ts'
import { SharedQueue } from './store/shared-queue.ts'
import type { PutOutcome } from './store/store.ts'

export interface QueueOptions {
  /** Items that may wait in the queue; 0 or none: no limit. */
  readonly maxSize?: number | undefined
  /** Encoded bytes that may wait in the queue; 0 or none: no limit. A larger item is let in while the queue is empty. */
  readonly maxBytes?: number | undefined
}

/** The queue behind a handle, for the classes built on it. */
export let sharedOf: (queue: Queue<any>) => SharedQueue

/**
 * A first-in, first-out queue of any number of producers and consumers, in this process and in others. Pass it in `args`,
 * through a pipe or another queue, or capture it: every copy of the handle is the same queue.
 *
 * @remarks
 * FIFO per producer. What `put` resolved for is there for the next `get` of anybody, and is not lost while one process
 * that holds the queue lives. A killed process leaves it working: what it was putting is not there, what it had taken but
 * not yet got in its hands is given to another, at its old place; after three consumers died decoding it, it is dropped.
 * There is no feeder thread, so nothing to join. Python: `multiprocessing.Queue`.
 *
 * @example
 * const queue = new Queue<number>()
 * new Process({ target: async (queue: Queue<number>) => queue.put(42), args: [queue] }).start()
 * console.log(await queue.get()) // => 42
 */
export class Queue<T = unknown> implements AsyncIterable<T>, Disposable, Waitable {
  readonly #queue: SharedQueue
  readonly #puts: Line
  readonly #gets: Line
  #closed = false
  /** Async waits of this handle: they stand in the shared lines, so the queue's memory must stay until they left. */
  #waits = 0
  /** What decoding threw behind items that `getMany` had already taken: the next get throws it. */
  #undecodable: { error: unknown } | undefined
  /** This handle's first look starts from the head: there may be items of consumers that died before it came. */
  #fresh = true

  /**
   * @param options - `maxSize` alone, or an object. See `QueueOptions`.
   * @throws ERR_MULTIPROC_ARG_TYPE, ERR_MULTIPROC_ARG_VALUE; ERR_MULTIPROC_NO_MEMORY; ERR_MULTIPROC_UNSUPPORTED where
   * there is no shared memory.
   */
  constructor(options?: number | QueueOptions) {
    this.#queue = options instanceof SharedQueue ? options : createShared('new Queue()', options, false)
    const { thread, getters, putters } = this.#queue
    this.#queue.retain()
    this.#puts = new Line(thread, async (line, signal) => {
      await waitAsync(thread, putters, () => line.serve() || undefined, undefined, { signal }).catch(ignoreAbort)
    })
    this.#gets = new Line(thread, async (line, signal) => {
      await waitAsync(thread, getters, () => line.serve() || undefined, () => this.#queue.takers(), { signal }).catch(ignoreAbort)
    })
    collected.register(this, this.#queue, this)
  }

  get closed(): boolean {
    return this.#closed
  }

  /**
   * Puts an item at the end, waiting while the queue is full. The item is encoded at once: later changes to it are not sent.
   *
   * @param options.timeout - milliseconds; 0 tries once; none waits for ever.
   * @param options.signal - aborting while waiting puts nothing (cancel safe).
   * @returns resolved once every `get` can find the item. Puts of one thread are done in the order of the calls.
   * @throws Full after `timeout`; ShutDown; ERR_MULTIPROC_CLOSED; AbortError; ERR_MULTIPROC_NOT_SENDABLE and its like, naming
   * the path, for this item alone. Python: `Queue.put(obj, block, timeout)`, seconds there.
   */
  async put(value: T, options?: WaitOptions): Promise<void> {
    const call = 'queue.put()'
    const { timeout, signal } = checkWaitOptions(call, options)
    this.#checkOpen(call)
    const encoded = encode(value, 'value')
    try {
      if (this.#puts.isEmpty && this.#tryPut(call, encoded)) return
      if (timeout === 0) throw fullError(call, this.#queue)
    } catch (error) {
      encoded.abort()
      throw error
    }
    const kept = keep(encoded)
    let done: true | undefined
    try {
      done = await this.#enter(this.#puts, call, () => this.#tryPut(call, kept) || undefined, { timeout, signal })
    } finally {
      if (!done) kept.abort()
    }
    if (!done) throw fullError(call, this.#queue)
  }

  /** `put`, blocking the thread instead. Python: `Queue.put(obj, True, timeout)`. */
  putSync(value: T, options?: SyncWaitOptions): void {
    const call = 'queue.putSync()'
    const { timeout } = checkSyncWaitOptions(call, options)
    this.#checkOpen(call)
    let encoded: Encoded = encode(value, 'value')
    let done: true | undefined
    try {
      done = this.#tryPut(call, encoded) || undefined
      if (!done && timeout !== 0) {
        const kept = (encoded = keep(encoded))
        const { thread, putters } = this.#queue
        done = waitSync(thread, putters, () => this.#tryPut(call, kept) || undefined, undefined, deadlineAfter(thread, timeout))
      }
    } finally {
      if (!done) encoded.abort()
    }
    if (!done) throw fullError(call, this.#queue)
  }

  /** Puts an item if there is room now. @throws Full. Python: `Queue.put_nowait`. */
  putNowait(value: T): void {
    this.putSync(value, { timeout: 0 })
  }

  /**
   * Removes the oldest item, waiting while the queue is empty.
   *
   * @param options.timeout - milliseconds; 0 tries once; none waits for ever.
   * @param options.signal - aborting while waiting takes nothing (cancel safe).
   * @returns the item: a copy in own memory. Gets of one thread are served in the order of the calls.
   * @throws Empty after `timeout`; ShutDown once it was shut down and is drained; ERR_MULTIPROC_CLOSED; AbortError; what
   * decoding this item throws. Python: `Queue.get(block, timeout)`, seconds there.
   */
  async get(options?: WaitOptions): Promise<T> {
    const call = 'queue.get()'
    const wait = checkWaitOptions(call, options)
    this.#checkOpen(call)
    if (turnIsDue()) await nextTurn()
    let found = this.#gets.isEmpty ? this.#tryGet(call) : undefined
    if (!found && wait.timeout !== 0) {
      found = await this.#enter(this.#gets, call, () => this.#tryGet(call, true), wait)
    }
    if (!found) throw emptyError(call)
    return found.value as T
  }

  /** `get`, blocking the thread instead. Python: `Queue.get(True, timeout)`. */
  getSync(options?: SyncWaitOptions): T {
    const call = 'queue.getSync()'
    const { timeout } = checkSyncWaitOptions(call, options)
    this.#checkOpen(call)
    let found = this.#tryGet(call)
    if (!found && timeout !== 0) {
      const { thread, getters } = this.#queue
      // A reviver may close this handle, while this thread still stands in the line.
      this.#queue.retain()
      try {
        found = waitSync(thread, getters, () => this.#tryGet(call, true), () => this.#queue.takers(), deadlineAfter(thread, timeout))
      } finally {
        this.#queue.release()
      }
    }
    if (!found) throw emptyError(call)
    return found.value as T
  }

  /** Removes the oldest item if there is one now. @throws Empty. Python: `Queue.get_nowait`. */
  getNowait(): T {
    return this.getSync({ timeout: 0 })
  }

  /**
   * Puts items one after another, waiting while the queue is full.
   *
   * @returns how many were put: fewer than given only after `timeout`, then the first so many. Those stay put, also when
   * a later one cannot be sent or the wait is aborted.
   * @throws as `put`.
   * @example await queue.putMany(lines)
   */
  async putMany(values: Iterable<T>, options?: WaitOptions): Promise<number> {
    const call = 'queue.putMany()'
    const { timeout, signal } = checkWaitOptions(call, options)
    this.#checkOpen(call)
    const { thread } = this.#queue
    const deadlineMs = deadlineAfter(thread, timeout)
    let count = 0
    for (const value of values) {
      try {
        await this.put(value, { timeout: timeout === undefined ? undefined : Math.max(0, deadlineMs - thread.nowMs()), signal })
      } catch (error) {
        if (error instanceof Full) break
        throw error
      }
      count++
    }
    return count
  }

  /**
   * Removes up to `max` items: waits for the first as `get` does, and takes with it what is there.
   *
   * @returns them, oldest first; none after `timeout`.
   * @throws as `get`, but Empty. What decoding an item behind others throws comes with the next call.
   * @example for (const line of await queue.getMany(100)) handle(line)
   */
  async getMany(max: number, options?: WaitOptions): Promise<T[]> {
    const call = 'queue.getMany()'
    const wait = checkWaitOptions(call, options)
    if (typeof max !== 'number') throw argumentType(`${call}: max`, 'a number', max)
    if (!(max === Infinity || Number.isInteger(max)) || max < 1) throw argumentValue(`${call}: max`, 'a whole number, 1 or more', max)
    const items: T[] = []
    try {
      items.push(await this.get(wait))
      while (items.length < max && !this.#closed) {
        const found = this.#queue.tryGet(false)
        if (!found) break
        items.push(found.value as T)
      }
    } catch (error) {
      if (error instanceof Empty) return items
      if (items.length === 0) throw error
      this.#undecodable = { error }
    }
    return items
  }

  /**
   * Takes the oldest item on approval: it is gone once its lease is `done()`, and comes back to the front, for anybody, by
   * `retry()`, when this thread dies or when the lease is forgotten and collected. Waits as `get` does.
   *
   * @returns the item and its lease. A lease keeps the memory of the items behind it, so do not keep one for long.
   * @throws as `get`.
   * @example
   * const lease = await queue.lease()
   * try { await handle(lease.item); lease.done() } catch { lease.retry() }
   */
  async lease(options?: WaitOptions): Promise<Lease<T>> {
    const call = 'queue.lease()'
    const wait = checkWaitOptions(call, options)
    this.#checkOpen(call)
    const attempt = (fromHead: boolean): Lease<T> | undefined => {
      const found = this.#queue.tryLease(fromHead)
      if (found) return new Lease<T>(this.#queue, found.value as T, found.taken)
      if (this.#queue.store.flags & SHUT_DOWN) throw shutDownError(call)
      return undefined
    }
    let lease = this.#gets.isEmpty ? attempt(true) : undefined
    if (!lease && wait.timeout !== 0) lease = await this.#enter(this.#gets, call, () => attempt(true), wait)
    if (!lease) throw emptyError(call)
    return lease
  }

  /** Items that `get` could have now: exact at the moment of the call. Python: `Queue.qsize`, approximate there. */
  qsize(): number {
    this.#checkOpen('queue.qsize()')
    return this.#queue.store.size
  }

  empty(): boolean {
    return this.qsize() === 0
  }

  /** A `put` would wait now. Never true without `maxSize` or `maxBytes`. */
  full(): boolean {
    this.#checkOpen('queue.full()')
    return this.#queue.store.isFull
  }

  /**
   * Ends the queue for everybody: later puts throw ShutDown, gets do so once the queue is drained (`immediate`: at once,
   * what is in it is dropped). Python: `queue.Queue.shutdown`.
   */
  shutdown(options?: { immediate?: boolean }): void {
    const call = 'queue.shutdown()'
    checkOptions(call, options, ['immediate'])
    this.#checkOpen(call)
    this.#queue.shutDown(options?.immediate === true)
  }

  /**
   * Gives up this handle; other handles on the same queue, here and elsewhere, go on. Waits of this handle that are
   * pending reject with ERR_MULTIPROC_CLOSED. Closing twice is harmless. Python: `Queue.close`.
   */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    collected.unregister(this)
    const { thread, getters, putters } = this.#queue
    if (!this.#gets.isEmpty) wakeAll(thread, getters)
    if (!this.#puts.isEmpty) wakeAll(thread, putters)
    if (this.#waits === 0) this.#queue.release()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** One item a turn until the queue is shut down and drained; leaving the loop takes nothing more and closes nothing. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for (;;) {
      let item: T
      try {
        item = await this.get()
      } catch (error) {
        if (error instanceof ShutDown) return
        throw error
      }
      yield item
    }
  }

  /** @internal For `wait()`: ready when `get` would not wait, the end by `shutdown` included. */
  [WAITABLE](call: string, kind: WaitKind): Turn {
    this.#checkOpen(call)
    const { thread, getters } = this.#queue
    const look = (): true | undefined => {
      this.#checkOpen(call)
      return this.#queue.isReady || undefined
    }
    return new ConditionTurn(thread, getters, kind, look, () => this.#queue.takers())
  }

  async #enter<R>(line: Line, call: string, attempt: () => R | undefined, options: WaitOptions): Promise<R | undefined> {
    this.#waits += 1
    try {
      return await line.enter(call, () => {
        this.#checkOpen(call)
        return attempt()
      }, options)
    } finally {
      this.#waits -= 1
      if (this.#closed && this.#waits === 0) this.#queue.release()
    }
  }

  #tryPut(call: string, encoded: Encoded): boolean {
    // Code of the user's that ran while encoding may have closed this handle, and the queue's memory gone with it.
    this.#checkOpen(call)
    const outcome: PutOutcome = this.#queue.tryPut(encoded)
    if (outcome === 'shut down') throw shutDownError(call)
    return outcome === 'put'
  }

  #tryGet(call: string, fromHead = false): { value: unknown } | undefined {
    const undecodable = this.#undecodable
    if (undecodable) {
      this.#undecodable = undefined
      throw undecodable.error
    }
    const found = this.#queue.tryGet(fromHead || this.#fresh) ?? (fromHead ? undefined : this.#queue.tryGet(true))
    this.#fresh = false
    if (!found && this.#queue.store.flags & SHUT_DOWN) throw shutDownError(call)
    return found
  }

  #checkOpen(call: string): void {
    if (this.#closed) throw closedError(call)
  }

  static {
    sharedOf = (queue) => queue.#queue
    registerHandle<Queue<unknown>>({
      class: Queue,
      name: 'queue.Queue',
      package: '@multiproc/queue',
      version: String(STORE_VERSION),
      module: import.meta.url,
      reduce: (handle) => ({ handle: handle.#queue.place, holders: handle.#queue.holders }),
      revive: (place) => new Queue(SharedQueue.attach(place) as never),
    })
  }
}

/** A handle that was dropped without `close()` gives up its share all the same. */
const collected = new FinalizationRegistry<SharedQueue>((queue) => queue.release())

export function createShared(call: string, options: number | QueueOptions | undefined, joinable: boolean): SharedQueue {
  if (typeof options !== 'number') checkOptions(call, options, ['maxSize', 'maxBytes'])
  const { maxSize, maxBytes } = typeof options === 'number' ? { maxSize: options, maxBytes: 0 } : (options ?? {})
  return SharedQueue.create(checkLimit(`${call}: maxSize`, maxSize, 2 ** 31 - 1), checkLimit(`${call}: maxBytes`, maxBytes, 2 ** 33), joinable)
}

/** As in Python, zero and less mean no limit. */
function checkLimit(name: string, value: number | undefined, most: number): number {
  if (value === undefined) return 0
  if (typeof value !== 'number') throw argumentType(name, 'a number', value)
  if (!Number.isInteger(value) || value > most) throw argumentValue(name, `a whole number up to ${most}`, value)
  return Math.max(0, value)
}

/** What waits for room keeps its bytes: the scratch belongs to the next `encode`. */
function keep(encoded: Encoded): Encoded {
  const bytes = Buffer.from(encoded.bytes)
  const { hasHandles, length } = encoded
  return { scratch: bytes, bytes, length, hasHandles, commit: () => encoded.commit(), abort: () => encoded.abort() }
}

function ignoreAbort(error: { name?: string }): void {
  if (error.name !== 'AbortError') throw error
}

function fullError(call: string, queue: SharedQueue): Full {
  return new Full(`${call} failed: the queue holds ${queue.store.size} items and has room for ${queue.store.maxSize || 'no further bytes'}. Take items out, or wait longer.`)
}

function emptyError(call: string): Empty {
  return new Empty(`${call} failed: no item came. Wait longer, or catch Empty.`)
}

function shutDownError(call: string): ShutDown {
  return new ShutDown(`${call} failed: the queue was shut down${call.includes('put') ? '' : ' and is drained'}. Catch ShutDown, or use \`for await\`.`)
}
