import { EventEmitter } from 'node:events'
import {
  argumentType, checkSyncWaitOptions, checkWaitOptions, currentThread, deadlineAfter, MultiprocError, TimeoutError,
} from '@multiproc/core'
import type { WaitOptions } from '@multiproc/core'
import { outcomeOf } from './async-result.ts'
import type { AsyncResult } from './async-result.ts'
import { makeConstant } from './constant.ts'
import type { Constant } from './constant.ts'
import type { WorkerInfo } from './crew.ts'
import { Definitions } from './definitions.ts'
import { Dispatcher } from './dispatcher.ts'
import type { ResultIterator } from './iterate.ts'
import { applyAsyncKeys, applyKeys, checkPoolOptions, checkTaskOptions, imapKeys, mapKeys, streamKeys } from './options.ts'
import type { CallbackOptions, ImapOptions, MapOptions, PoolOptions, Settled, StreamOptions, TaskOptions } from './options.ts'
import { MAP, STARMAP } from './protocol.ts'
import { makeRemote } from './remote.ts'
import type { Remote } from './remote.ts'
import { statsOf } from './stats.ts'
import type { PoolStats } from './stats.ts'
import { isIterable, Submitter } from './submitter.ts'
import { waitFor } from './wait-for.ts'

type Args = unknown[] | []
type AllButLast<A extends unknown[]> = A extends [...infer Head, unknown?] ? Head : never
type Last<A extends unknown[]> = Required<A> extends [...unknown[], infer L] ? L : never
type WithKwargs<A extends unknown[]> = { readonly kwargs: Last<A> & object }
type Items<T> = Iterable<T> | AsyncIterable<T>
type StreamOf<Y> = Iterable<Y> | AsyncIterable<Y> | Promise<Iterable<Y> | AsyncIterable<Y>>
/** `timeout`: milliseconds that the call blocks at most. */
export type SyncOptions = Omit<TaskOptions, 'signal'> & { readonly timeout?: number }

export interface PoolEvents {
  /** A worker process was started; it takes tasks once it is ready. */
  workerStart: [worker: WorkerInfo]
  /** A worker has ended, for whatever reason. */
  workerExit: [worker: WorkerInfo]
  /** No task is left. */
  drain: []
}

/** A pool that nobody can reach any more ends, and says so. */
const forgotten = new FinalizationRegistry<Dispatcher>((dispatcher) => {
  if (!dispatcher.isOpen) return
  process.emitWarning('A Pool was garbage-collected before it was closed; its workers end now. Call close(), or use `await using`.', { type: 'MultiprocWarning' })
  dispatcher.close()
})

/**
 * Worker processes that run any function you give them.
 *
 * @remarks
 * A worker that dies (`kill -9`, `process.exit()`, out of memory) rejects the task it ran with `WorkerLostError` and is
 * replaced; every other task goes on. An idle pool does not keep the program alive, a running task does. Workers end with
 * the process that made the pool, whatever ends that. Python: `multiprocessing.Pool`, `ThreadPool` (`method: 'thread'`).
 *
 * @example
 * await using pool = new Pool(4)
 * console.log(await pool.map((x) => x * x, [1, 2, 3])) // => [1, 4, 9]
 */
export class Pool extends EventEmitter<PoolEvents> {
  readonly #dispatcher: Dispatcher
  readonly #definitions: Definitions
  readonly #submitter: Submitter

  /**
   * Starts the workers, and returns at once.
   * @throws ERR_MULTIPROC_ARG_TYPE, ARG_VALUE, UNKNOWN_OPTION; NOT_SENDABLE for the initializer or its arguments;
   * what `Process.start()` throws (BOOTSTRAP, DAEMON_CHILD, PROCESS_LIMIT, SPAWN, …). No worker is left then.
   */
  constructor(options?: number | PoolOptions, ...more: never[]) {
    super()
    // As in Python it would be written, and as JavaScript would ignore it.
    if (more.length > 0) throw argumentType('new Pool(): the arguments', 'one number or one object, as `new Pool({ processes, initializer, initArgs })`', more[0])
    const settings = checkPoolOptions(options)
    // Weakly, or a pool that nobody can reach would never be collected.
    const self = new WeakRef(this)
    // In a turn of its own, so that listeners may do anything to the pool, and those added right after this call hear of the first workers.
    const emit = (tell: (pool: Pool) => void): void => {
      const pool = self.deref()
      if (pool !== undefined) queueMicrotask(() => tell(pool))
    }
    this.#dispatcher = new Dispatcher(settings, {
      workerStart: (worker) => emit((pool) => pool.emit('workerStart', worker)),
      workerExit: (worker) => emit((pool) => pool.emit('workerExit', worker)),
      drain: () => {
        if ((self.deref()?.listenerCount('drain') ?? 0) > 0) emit((pool) => pool.emit('drain'))
      },
    })
    const dispatcher = this.#dispatcher
    this.#definitions = new Definitions((definition) => dispatcher.forget(definition))
    this.#submitter = new Submitter(dispatcher, this.#definitions, settings)
    forgotten.register(this, dispatcher, this)
  }

  /**
   * Runs `fn(...args)` in a worker.
   *
   * @param options.kwargs - an object, passed as one more, last argument.
   * @param options.signal - aborting it cancels the task, as `cancel()` of the result does.
   * @param options.runTimeout - milliseconds it may run. @param options.queueTimeout - milliseconds until it must have begun.
   * @param options.retry - how often it is tried again when its worker dies, or as the object says.
   * @param options.priority - among those that wait, the higher begins first. @param options.affinity - the same worker for all of one key.
   * @param options.onReport - gets what the task tells by `currentTask().report()`.
   * @returns a promise of a copy of what it returned (a promise it returns is awaited there), with `get`, `wait`, `ready`,
   * `successful` and `cancel`. It rejects with what `fn` threw, rebuilt; WorkerLostError; MaybeEncodingError; TimeoutError;
   * AbortError.
   * @throws ERR_MULTIPROC_NOT_SENDABLE and its like, naming the path (`args[0].onDone`), before anything is sent; CLOSED;
   * Full (`maxQueue`).
   * @remarks The arguments are copied now: later changes are not seen. Tasks of one priority begin in the order of the calls.
   * Python: `Pool.apply`, which blocks there; `apply_async`.
   */
  apply<R>(fn: () => R, args?: readonly [], options?: TaskOptions & { kwargs?: undefined }): AsyncResult<Awaited<R>>
  apply<A extends Args, R>(fn: (...args: A) => R, args: A, options?: TaskOptions & { kwargs?: undefined }): AsyncResult<Awaited<R>>
  apply<A extends Args, R>(fn: (...args: A) => R, args: AllButLast<A>, options: TaskOptions & WithKwargs<A>): AsyncResult<Awaited<R>>
  apply(fn: Function, args: readonly unknown[] = [], options?: TaskOptions): AsyncResult<unknown> {
    checkTaskOptions('pool.apply()', options, applyKeys)
    return this.#submitter.apply('pool.apply()', this.apply, fn, args, options)
  }

  /** `apply` with callbacks. Python: `Pool.apply_async(func, args, callback=, error_callback=)`. */
  applyAsync<R>(fn: () => R, args?: readonly [], options?: TaskOptions & CallbackOptions<Awaited<R>> & { kwargs?: undefined }): AsyncResult<Awaited<R>>
  applyAsync<A extends Args, R>(fn: (...args: A) => R, args: A, options?: TaskOptions & CallbackOptions<Awaited<R>> & { kwargs?: undefined }): AsyncResult<Awaited<R>>
  applyAsync<A extends Args, R>(fn: (...args: A) => R, args: AllButLast<A>, options: TaskOptions & CallbackOptions<Awaited<R>> & WithKwargs<A>): AsyncResult<Awaited<R>>
  applyAsync(fn: Function, args: readonly unknown[] = [], options?: TaskOptions & CallbackOptions<never>): AsyncResult<unknown> {
    checkTaskOptions('pool.applyAsync()', options, applyAsyncKeys)
    return this.#submitter.apply('pool.applyAsync()', this.applyAsync, fn, args, options)
  }

  /**
   * `apply` that blocks this thread until the result is there: also a way to call async code synchronously. The pool's other
   * tasks go on meanwhile; their promises are settled, and callbacks called, when this thread's event loop runs again.
   *
   * @param options.timeout - milliseconds; then TimeoutError, and the task is cancelled.
   * @throws what `apply` rejects with. Python: `Pool.apply`.
   * @example const html = pool.applySync(async (url: string) => (await fetch(url)).text(), ['http://localhost/'])
   */
  applySync<R>(fn: () => R, args?: readonly [], options?: SyncOptions & { kwargs?: undefined }): Awaited<R>
  applySync<A extends Args, R>(fn: (...args: A) => R, args: A, options?: SyncOptions & { kwargs?: undefined }): Awaited<R>
  applySync<A extends Args, R>(fn: (...args: A) => R, args: AllButLast<A>, options: SyncOptions & WithKwargs<A>): Awaited<R>
  applySync(fn: Function, args: readonly unknown[] = [], { timeout, ...options }: SyncOptions = {}): unknown {
    const call = 'pool.applySync()'
    checkTaskOptions(call, options, applyKeys)
    const deadlineMs = this.#deadline(call, timeout)
    return this.#settleSync(call, this.#submitter.apply(call, this.applySync, fn, args, options), timeout, deadlineMs)
  }

  /**
   * `fn(item)` for each item, in the workers. The results come in the order of the items.
   *
   * @param options.chunkSize - items sent at a time. @param options.settled - gives `{ index, status, value | reason }` for each item.
   * @param options.failFast - false: all items are tried before it rejects. @param options.onProgress - gets the number of items done.
   * @throws ERR_MULTIPROC_NOT_SENDABLE before anything is sent; CLOSED; Full.
   * @remarks What `fn` captures is read once. The first error rejects the whole, and chunks that have not begun never do.
   * Python: `Pool.map`, which tries all of them first (`failFast: false`).
   */
  map<T, R>(fn: (item: T) => R, items: Items<T>, options: MapOptions & { settled: true }): AsyncResult<Settled<Awaited<R>>[]>
  map<T, R>(fn: (item: T) => R, items: Items<T>, options?: MapOptions): AsyncResult<Awaited<R>[]>
  map(fn: Function, items: unknown, options?: MapOptions): AsyncResult<never[]> {
    return this.#map('pool.map()', this.map, MAP, fn, items, options)
  }

  /** The same as `map`, for those who look for `map_async`. */
  mapAsync<T, R>(fn: (item: T) => R, items: Items<T>, options: MapOptions & { settled: true }): AsyncResult<Settled<Awaited<R>>[]>
  mapAsync<T, R>(fn: (item: T) => R, items: Items<T>, options?: MapOptions): AsyncResult<Awaited<R>[]>
  mapAsync(fn: Function, items: unknown, options?: MapOptions): AsyncResult<never[]> {
    return this.#map('pool.mapAsync()', this.mapAsync, MAP, fn, items, options)
  }

  /** `map` that blocks this thread, as `applySync` does. */
  mapSync<T, R>(fn: (item: T) => R, items: Iterable<T>, options: MapOptions & { timeout?: number; settled: true }): Settled<Awaited<R>>[]
  mapSync<T, R>(fn: (item: T) => R, items: Iterable<T>, options?: MapOptions & { timeout?: number }): Awaited<R>[]
  mapSync(fn: Function, items: unknown, { timeout, ...options }: MapOptions & { timeout?: number } = {}): unknown {
    const call = 'pool.mapSync()'
    if (!isIterable(items)) throw argumentType(`${call}: items`, 'an iterable; an async one cannot be read while the thread is blocked', items)
    const deadlineMs = this.#deadline(call, timeout)
    return this.#settleSync(call, this.#map(call, this.mapSync, MAP, fn, items, options), timeout, deadlineMs)
  }

  /** `fn(...item)` for each item. Python: `Pool.starmap`. */
  starmap<A extends Args, R>(fn: (...args: A) => R, items: Items<A>, options: MapOptions & { settled: true }): AsyncResult<Settled<Awaited<R>>[]>
  starmap<A extends Args, R>(fn: (...args: A) => R, items: Items<A>, options?: MapOptions): AsyncResult<Awaited<R>[]>
  starmap(fn: Function, items: unknown, options?: MapOptions): AsyncResult<never[]> {
    return this.#map('pool.starmap()', this.starmap, STARMAP, fn, items, options)
  }

  /** The same as `starmap`, for those who look for `starmap_async`. */
  starmapAsync<A extends Args, R>(fn: (...args: A) => R, items: Items<A>, options: MapOptions & { settled: true }): AsyncResult<Settled<Awaited<R>>[]>
  starmapAsync<A extends Args, R>(fn: (...args: A) => R, items: Items<A>, options?: MapOptions): AsyncResult<Awaited<R>[]>
  starmapAsync(fn: Function, items: unknown, options?: MapOptions): AsyncResult<never[]> {
    return this.#map('pool.starmapAsync()', this.starmapAsync, STARMAP, fn, items, options)
  }

  /**
   * `fn(item)` for each item, with the results one by one, in the order of the items, while the input is still being read.
   *
   * @param options.bufferSize - the input is never read further ahead of the results taken than this.
   * @param options.settled - gives `{ index, status, value | reason }` for each item, and never ends at an error.
   * @throws ERR_MULTIPROC_NOT_SENDABLE for `fn`; CLOSED. An item that cannot be sent, an input that throws and a task that
   * fails end the results at their place.
   * @remarks Leaving the loop withdraws what has not begun and closes the input. Whoever neither reads to the end nor leaves
   * should call `return()`: a pool is not joined before. Python: `Pool.imap`.
   * @example for await (const size of pool.imap(measure, readLines(), { bufferSize: 100 })) total += size
   */
  imap<T, R>(fn: (item: T) => R, items: Items<T>, options: ImapOptions & { settled: true }): ResultIterator<Settled<Awaited<R>>>
  imap<T, R>(fn: (item: T) => R, items: Items<T>, options?: ImapOptions): ResultIterator<Awaited<R>>
  imap(fn: Function, items: unknown, options?: ImapOptions): ResultIterator<unknown> {
    checkTaskOptions('pool.imap()', options, imapKeys)
    return this.#submitter.imap('pool.imap()', this.imap, fn, items, options, true)
  }

  /** `imap` with each result as soon as it is there. Python: `Pool.imap_unordered`. */
  imapUnordered<T, R>(fn: (item: T) => R, items: Items<T>, options: ImapOptions & { settled: true }): ResultIterator<Settled<Awaited<R>>>
  imapUnordered<T, R>(fn: (item: T) => R, items: Items<T>, options?: ImapOptions): ResultIterator<Awaited<R>>
  imapUnordered(fn: Function, items: unknown, options?: ImapOptions): ResultIterator<unknown> {
    checkTaskOptions('pool.imapUnordered()', options, imapKeys)
    return this.#submitter.imap('pool.imapUnordered()', this.imapUnordered, fn, items, options, false)
  }

  /**
   * The values that a generator yields in a worker, one by one: one task, as long as the generator runs.
   *
   * @param options.bufferSize - how many values it may be ahead of the reader. Default 16.
   * @remarks Leaving the loop ends the generator as leaving it here would: its `finally` runs there, within `killDelay`.
   * Never tried again: some values are out already. Its worker does nothing else meanwhile (see `concurrency`).
   * @example for await (const row of pool.stream(function* (path: string) { yield* parse(path) }, ['a.csv'])) console.log(row)
   */
  stream<Y>(fn: () => StreamOf<Y>, args?: readonly [], options?: StreamOptions & { kwargs?: undefined }): AsyncIterableIterator<Y>
  stream<A extends Args, Y>(fn: (...args: A) => StreamOf<Y>, args: A, options?: StreamOptions & { kwargs?: undefined }): AsyncIterableIterator<Y>
  stream<A extends Args, Y>(fn: (...args: A) => StreamOf<Y>, args: AllButLast<A>, options: StreamOptions & WithKwargs<A>): AsyncIterableIterator<Y>
  stream(fn: Function, args: readonly unknown[] = [], options?: StreamOptions): AsyncIterableIterator<unknown> {
    checkTaskOptions('pool.stream()', options, streamKeys)
    return this.#submitter.stream('pool.stream()', this.stream, fn, args, options)
  }

  /**
   * A function that runs `fn` in a worker at each call.
   * @example const resize = pool.wrap(resizeImage, { runTimeout: 5000 }); await resize('a.png', 200)
   */
  wrap<A extends Args, R>(fn: (...args: A) => R, options?: Omit<TaskOptions, 'kwargs'>): (...args: A) => AsyncResult<Awaited<R>> {
    const call = 'pool.wrap()'
    if (typeof fn !== 'function') throw argumentType(`${call}: fn`, 'a function', fn)
    checkTaskOptions(call, options, applyKeys)
    const wrapped = (...args: A): AsyncResult<Awaited<R>> => this.#submitter.apply(call, wrapped, fn, args, options) as AsyncResult<Awaited<R>>
    return wrapped
  }

  /**
   * The functions that a module exports, each call of one a task. The module is loaded in the workers, never here.
   * @example const image = pool.module<typeof import('./image.ts')>(new URL('./image.ts', import.meta.url)); await image.resize('a.png', 200)
   */
  module<M>(url: URL): Remote<M> {
    const call = 'pool.module()'
    if (!(url instanceof URL)) throw argumentType(`${call}: url`, "a URL: new URL('./module.js', import.meta.url)", url)
    const { href } = url
    return makeRemote<M>((name, args) => this.#submitter.applyExport(`${call}.${name}()`, this.module, href, name, args))
  }

  /**
   * Runs `fn(...args)` once in each worker there is: to warm caches, or to change what tasks find there. Workers that start
   * later do not run it; `initializer` is for all.
   * @returns what it returned, by worker. Rejects as soon as one fails.
   */
  broadcast<R>(fn: () => R, args?: readonly []): Promise<Awaited<R>[]>
  broadcast<A extends Args, R>(fn: (...args: A) => R, args: A): Promise<Awaited<R>[]>
  broadcast(fn: Function, args: readonly unknown[] = []): Promise<unknown[]> {
    return this.#submitter.broadcast('pool.broadcast()', this.broadcast, fn, args)
  }

  /**
   * A value that is sent to each worker once, however many tasks get it: as an argument, or captured. Tasks read `.value`.
   * @throws ERR_MULTIPROC_NOT_SENDABLE and its like. Workers let go of it when it is collected here.
   * @example const words = pool.constant(await readWords()); await pool.map((w) => words.value.includes(w), input)
   */
  constant<T>(value: T): Constant<T> {
    return makeConstant(value, (constant) => this.#definitions.forConstant(constant, value))
  }

  /** What the pool has done, is doing and has still to do. */
  stats(): PoolStats {
    return statsOf(this.#dispatcher)
  }

  /**
   * No more tasks: workers end when those there are have ended.
   * @param options.timeout - milliseconds for that; then `terminate()`. @param options.signal - the same, when it aborts.
   * @returns a promise that resolves when all workers have ended. Python: `Pool.close`, with `join`.
   */
  async close(options?: WaitOptions): Promise<void> {
    const call = 'pool.close()'
    const { timeout, signal } = checkWaitOptions(call, options)
    this.#dispatcher.close()
    if (timeout === undefined && signal === undefined) return void (await this.join())
    const limit = new AbortController()
    const cut = (): void => void this.terminate()
    const deadline = timeout === undefined ? undefined : this.#dispatcher.deadlines.add(timeout, cut)
    signal?.addEventListener('abort', cut, { signal: limit.signal })
    if (signal?.aborted) cut()
    await this.join()
    limit.abort()
    this.#dispatcher.deadlines.cancel(deadline)
  }

  /** Kills the workers now; tasks that have not ended reject with ERR_MULTIPROC_CLOSED. Resolves when all workers are gone. */
  async terminate(): Promise<void> {
    this.#dispatcher.terminate(new MultiprocError('ERR_MULTIPROC_CLOSED', 'the task was ended by pool.terminate(). Call close() and join() to let tasks end.'))
    await this.join()
  }

  /**
   * Waits until all workers have ended.
   * @returns false after `timeout`.
   * @throws ERR_MULTIPROC_DEADLOCK before `close()` or `terminate()`; AbortError. Python: `Pool.join`.
   */
  async join(options?: WaitOptions): Promise<boolean> {
    const call = 'pool.join()'
    const { timeout, signal } = checkWaitOptions(call, options)
    if (this.#dispatcher.isOpen) throw new MultiprocError('ERR_MULTIPROC_DEADLOCK', `${call} failed: the workers of an open pool never end. Call close() or terminate() first.`)
    const thread = currentThread()
    // For as long as somebody waits, and no longer: a join that lapsed holds nothing.
    thread.ref()
    try {
      const ended = this.#dispatcher.ended.then(() => true)
      return await waitFor(ended, { timeout, signal }, () => false, `${call} was aborted while it waited. The workers go on.`)
    } finally {
      thread.unref()
    }
  }

  /** Leaving an `await using` block: `close()`, which waits until all workers have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #map(name: string, entry: Function, kind: number, fn: Function, items: unknown, options: MapOptions | undefined): AsyncResult<never[]> {
    checkTaskOptions(name, options, mapKeys)
    return this.#submitter.map(name, entry, kind, fn, items, options) as AsyncResult<never[]>
  }

  #deadline(call: string, timeout: number | undefined): number {
    checkSyncWaitOptions(call, { timeout })
    return deadlineAfter(currentThread(), timeout)
  }

  #settleSync(call: string, result: AsyncResult<unknown>, timeout: number | undefined, deadlineMs: number): unknown {
    // Its error is thrown here.
    result.catch(() => {})
    if (!this.#dispatcher.waitSync(call, () => result.ready(), deadlineMs)) {
      result.cancel()
      throw new TimeoutError(`${call} failed: no result after ${timeout} ms, so it was cancelled. Raise timeout, or look at what the task does.`)
    }
    return outcomeOf(result)
  }
}

Object.defineProperty(Pool.prototype, Symbol.for('multiproc.unsendable'), {
  value: 'A Pool belongs to the process that made it. Make one there, or send what it computes.',
})
