import {
  checkOptions, checkSyncWaitOptions, checkWaitOptions, Claim, closedError, deadlineAfter, Empty, encode, Full, nextTurn, registerHandle, ShutDown,
  turnIsDue, untilEnd, WAITABLE, waitSync, wakeAll,
} from '@multiproc/core'
import type { Encoded, SyncWaitOptions, Turn, Waitable, WaitKind, WaitOptions } from '@multiproc/core'
import { Lease } from './lease.ts'
import { checkMax, createShared, type QueueOptions } from './options.ts'
import { emptyError, fullError, shutDownError } from './outcomes.ts'
import { QueueTurn } from './queue-turn.ts'
import { STORE_VERSION, SHUT_DOWN } from './store/layout.ts'
import { type Found, SharedQueue } from './store/shared-queue.ts'

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
  readonly #claim: Claim
  /** What decoding threw behind items that `getMany` had already taken: the next call that takes throws it. */
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
    this.#claim = new Claim(this, this.#queue)
  }

  get closed(): boolean {
    return this.#claim.ended
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
    let done = false
    try {
      // Not held before: code of the user's that ran while encoding may have closed this handle.
      this.#checkOpen(call)
      const queue = this.#queue
      if (queue.puts.isEmpty && this.#tryPut(call, encoded)) return void (done = true)
      if (timeout === 0) throw fullError(call, queue)
      const kept = keep(encoded)
      await queue.duringAsync(async () => {
        done = (await queue.puts.enter(call, () => this.#tryPut(call, kept) || undefined, { timeout, signal }, this)) ?? false
        if (!done) throw fullError(call, queue)
      })
    } finally {
      if (!done) encoded.abort()
    }
  }

  /** `put`, blocking the thread instead. Python: `Queue.put(obj, True, timeout)`. */
  putSync(value: T, options?: SyncWaitOptions): void {
    const call = 'queue.putSync()'
    const { timeout } = checkSyncWaitOptions(call, options)
    this.#checkOpen(call)
    const encoded = encode(value, 'value')
    let done = false
    try {
      this.#checkOpen(call)
      const queue = this.#queue
      // Behind the async puts of this thread that wait for room.
      const attempt = (bytes: Encoded): boolean => queue.puts.flush() && this.#tryPut(call, bytes)
      done = attempt(encoded)
      if (!done && timeout !== 0) {
        const kept = keep(encoded)
        done = waitSync(queue.thread, queue.putters, () => attempt(kept) || undefined, undefined, deadlineAfter(queue.thread, timeout)) ?? false
      }
      if (!done) throw fullError(call, queue)
    } finally {
      if (!done) encoded.abort()
    }
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
    const queue = this.#queue
    queue.retain()
    try {
      if (turnIsDue()) await nextTurn()
      const attempt = (fromHead: boolean): Found | undefined => this.#tryTake(call, fromHead)
      const found = (queue.gets.isEmpty ? attempt(false) : undefined) ?? (await this.#wait(call, wait, attempt, ({ taken }) => queue.giveBack(taken)))
      queue.finish(found.taken, false)
      return found.value as T
    } finally {
      queue.release()
    }
  }

  /** `get`, blocking the thread instead. Python: `Queue.get(True, timeout)`. */
  getSync(options?: SyncWaitOptions): T {
    const call = 'queue.getSync()'
    const { timeout } = checkSyncWaitOptions(call, options)
    this.#checkOpen(call)
    const queue = this.#queue
    const { thread, getters } = queue
    queue.retain()
    try {
      let found = this.#tryTake(call, false)
      if (!found && timeout !== 0) {
        found = waitSync(thread, getters, () => this.#tryTake(call, true), () => queue.takers(), deadlineAfter(thread, timeout))
      }
      if (!found) throw emptyError(call)
      queue.finish(found.taken, false)
      return found.value as T
    } finally {
      queue.release()
    }
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
   * @throws as `get`, but Empty. What decoding an item behind others throws comes with the next call that takes.
   * @example for (const line of await queue.getMany(100)) handle(line)
   */
  async getMany(max: number, options?: WaitOptions): Promise<T[]> {
    const call = 'queue.getMany()'
    const wait = checkWaitOptions(call, options)
    checkMax(call, max)
    this.#checkOpen(call)
    const queue = this.#queue
    queue.retain()
    try {
      if (turnIsDue()) await nextTurn()
      const attempt = (fromHead: boolean): Found[] | undefined => this.#tryTakeMany(call, max, fromHead)
      // The newest first: each goes to its old place, and the next get begins with the one that was given back last.
      const refuse = (batch: Found[]): void => batch.reverse().forEach(({ taken }) => queue.giveBack(taken))
      const batch = (queue.gets.isEmpty ? attempt(false) : undefined) ?? (await this.#wait(call, wait, attempt, refuse))
      for (const { taken } of batch) queue.finish(taken, false)
      return batch.map(({ value }) => value as T)
    } catch (error) {
      if (error instanceof Empty) return []
      throw error
    } finally {
      queue.release()
    }
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
    const queue = this.#queue
    queue.retain()
    try {
      if (turnIsDue()) await nextTurn()
      const attempt = (fromHead: boolean): Found | undefined => this.#tryTake(call, fromHead)
      const found = (queue.gets.isEmpty ? attempt(true) : undefined) ?? (await this.#wait(call, wait, attempt, ({ taken }) => queue.giveBack(taken)))
      return new Lease<T>(queue, found.value as T, found.taken)
    } finally {
      queue.release()
    }
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
    const { thread, puts, gets, getters, joiners } = this.#queue
    this.#claim.end(() => {
      puts.cancel(this, closedError('queue.put()'))
      gets.cancel(this, closedError('queue.get()'))
      // `wait()` and `join()` find by themselves that this handle is closed.
      wakeAll(thread, getters)
      wakeAll(thread, joiners)
    })
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** One item a turn until the queue is shut down and drained; leaving the loop takes nothing more and closes nothing. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    return untilEnd(() => this.get(), ShutDown)
  }

  /** @internal For `wait()`: ready when `get` would not wait, the end by `shutdown` included. */
  [WAITABLE](call: string, kind: WaitKind): Turn {
    this.#checkOpen(call)
    return new QueueTurn(this.#queue, kind, () => this.#checkOpen(call))
  }

  /** Waits behind the gets of this thread that are there. @throws Empty after `timeout`. */
  async #wait<R>(call: string, wait: WaitOptions, attempt: (fromHead: boolean) => R | undefined, refuse: (found: R) => void): Promise<R> {
    if (wait.timeout === 0) throw emptyError(call)
    const found = await this.#queue.gets.enter(call, () => attempt(true), wait, this, refuse)
    if (found === undefined) throw emptyError(call)
    return found
  }

  #tryPut(call: string, encoded: Encoded): boolean {
    const outcome = this.#queue.tryPut(encoded)
    if (outcome === 'shut down') throw shutDownError(call)
    return outcome === 'put'
  }

  #tryTake(call: string, fromHead: boolean): Found | undefined {
    this.#checkOpen(call)
    const undecodable = this.#undecodable
    if (undecodable) {
      this.#undecodable = undefined
      throw undecodable.error
    }
    const queue = this.#queue
    const found = queue.tryTake(fromHead || this.#fresh) ?? (fromHead ? undefined : queue.tryTake(true))
    this.#fresh = false
    if (!found && queue.store.flags & SHUT_DOWN) throw shutDownError(call)
    return found
  }

  #tryTakeMany(call: string, max: number, fromHead: boolean): Found[] | undefined {
    let found = this.#tryTake(call, fromHead)
    if (!found) return undefined
    const batch = [found]
    try {
      // A reviver may close this handle; then what it has is enough.
      while (batch.length < max && !this.closed && (found = this.#queue.tryTake(false))) batch.push(found)
    } catch (error) {
      this.#undecodable = { error }
    }
    return batch
  }

  #checkOpen(call: string): void {
    if (this.#claim.ended) throw closedError(call)
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

/** What waits for room keeps its bytes: the scratch belongs to the next `encode`. */
function keep(encoded: Encoded): Encoded {
  const bytes = Buffer.from(encoded.bytes)
  const { hasHandles, length } = encoded
  return { scratch: bytes, bytes, length, hasHandles, commit: () => encoded.commit(), abort: () => encoded.abort() }
}
