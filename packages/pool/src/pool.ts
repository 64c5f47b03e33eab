import { AsyncResource } from 'node:async_hooks'
import { AbortError, argumentType, checkWaitOptions, currentThread, Full, MultiprocError, TimeoutError } from '@multiproc/core'
import type { WaitOptions } from '@multiproc/core'
import { makeAsyncResult } from './async-result.ts'
import type { AsyncResult } from './async-result.ts'
import { chunkSizeFor } from './chunk.ts'
import { Definitions } from './definitions.ts'
import type { Definition } from './definitions.ts'
import { Dispatcher } from './dispatcher.ts'
import { ResultStream } from './iterate.ts'
import type { ResultIterator } from './iterate.ts'
import { checkPoolOptions, checkTaskOptions } from './options.ts'
import type { CallbackOptions, ImapOptions, MapOptions, PoolOptions, TaskOptions } from './options.ts'
import { CALL, MAP, STARMAP } from './protocol.ts'
import type { TaskKind } from './protocol.ts'
import { Attempts } from './retry.ts'
import type { Retry } from './retry.ts'
import { Task } from './task.ts'
import { waitFor } from './wait-for.ts'

/** With so many tasks under way the errors of further ones are not traced back to the line that submitted them. */
const TRACED_TASKS = 64

type Args = unknown[] | []

/** What the tasks of one call share. */
interface Call {
  /** The public function at whose caller the trace of an error ends. */
  readonly entry: Function
  readonly name: string
  readonly kind: TaskKind
  readonly fn: Function
  readonly definition: Definition | undefined
  readonly options: TaskOptions
}

const STREAM_CHUNKS_PER_WORKER = 16
const noOptions: TaskOptions = {}

/**
 * Worker processes that run any function you give them.
 *
 * @remarks
 * A worker that dies (`kill -9`, `process.exit()`, out of memory) rejects the task it ran with `WorkerLostError` and is
 * replaced; every other task goes on. An idle pool does not keep the program alive, a running task does. Workers end with
 * the process that made the pool, whatever ends that. Python: `multiprocessing.Pool`.
 *
 * @example
 * await using pool = new Pool(4)
 * console.log(await pool.map((x) => x * x, [1, 2, 3])) // => [1, 4, 9]
 */
export class Pool {
  readonly #dispatcher: Dispatcher
  readonly #definitions: Definitions
  readonly #processes: number
  readonly #maxQueue: number
  readonly #retry: Retry | undefined
  #lastTaskId = 0

  /**
   * Starts the workers, and returns at once.
   * @throws ERR_MULTIPROC_ARG_TYPE, ARG_VALUE, UNKNOWN_OPTION; NOT_SENDABLE for the initializer or its arguments;
   * what `Process.start()` throws (BOOTSTRAP, DAEMON_CHILD, PROCESS_LIMIT, SPAWN, …). No worker is left then.
   */
  constructor(options?: number | PoolOptions, ...more: never[]) {
    // As in Python it would be written, and as JavaScript would ignore it.
    if (more.length > 0) throw argumentType('new Pool(): the arguments', 'one number or one object, as `new Pool({ processes, initializer, initArgs })`', more[0])
    const settings = checkPoolOptions(options)
    this.#processes = settings.processes
    this.#maxQueue = settings.maxQueue
    this.#retry = settings.retry
    this.#dispatcher = new Dispatcher(settings)
    const dispatcher = this.#dispatcher
    this.#definitions = new Definitions((definition) => dispatcher.forget(definition))
  }

  /**
   * Runs `fn(...args)` in a worker.
   *
   * @param options.signal - aborting it cancels the task, as `cancel()` of the result does.
   * @param options.runTimeout - milliseconds it may run. @param options.queueTimeout - milliseconds until it must have begun.
   * @param options.retry - how often it is tried again when its worker dies, or as the object says.
   * @returns a promise of a copy of what it returned (a promise it returns is awaited there), with `get`, `wait`, `ready`,
   * `successful` and `cancel`. It rejects with what `fn` threw, rebuilt; WorkerLostError; MaybeEncodingError; TimeoutError;
   * AbortError.
   * @throws ERR_MULTIPROC_NOT_SENDABLE and its like, naming the path (`args[0].onDone`), before anything is sent; CLOSED;
   * Full (`maxQueue`).
   * @remarks The arguments are copied now: later changes are not seen. Tasks begin in the order of the calls.
   * Python: `Pool.apply`, which blocks there; `apply_async`.
   */
  apply<R>(fn: () => R, args?: readonly [], options?: TaskOptions): AsyncResult<Awaited<R>>
  apply<A extends Args, R>(fn: (...args: A) => R, args: A, options?: TaskOptions): AsyncResult<Awaited<R>>
  apply(fn: Function, args: readonly unknown[] = [], options?: TaskOptions): AsyncResult<unknown> {
    checkTaskOptions('pool.apply()', options, [])
    return this.#single('pool.apply()', this.apply, fn, args, options)
  }

  /** `apply` with callbacks. Python: `Pool.apply_async(func, args, callback=, error_callback=)`. */
  applyAsync<R>(fn: () => R, args?: readonly [], options?: TaskOptions & CallbackOptions<Awaited<R>>): AsyncResult<Awaited<R>>
  applyAsync<A extends Args, R>(fn: (...args: A) => R, args: A, options?: TaskOptions & CallbackOptions<Awaited<R>>): AsyncResult<Awaited<R>>
  applyAsync(fn: Function, args: readonly unknown[] = [], options?: TaskOptions & CallbackOptions<never>): AsyncResult<unknown> {
    const call = 'pool.applyAsync()'
    checkTaskOptions(call, options, ['callback', 'errorCallback'])
    const { callback, errorCallback } = options ?? {}
    for (const [name, value] of Object.entries({ callback, errorCallback })) {
      if (value !== undefined && typeof value !== 'function') throw argumentType(`${call}: options.${name}`, 'a function', value)
    }
    return this.#single(call, this.applyAsync, fn, args, options, callback as ((value: unknown) => void) | undefined, errorCallback)
  }

  /**
   * `fn(item)` for each item, in the workers. The results come in the order of the items.
   * @throws ERR_MULTIPROC_NOT_SENDABLE before anything is sent; CLOSED; Full.
   * @remarks What `fn` captures is read once. The first error rejects the whole, and chunks that have not begun never do.
   * Python: `Pool.map`.
   */
  map<T, R>(fn: (item: T) => R, items: Iterable<T> | AsyncIterable<T>, options?: MapOptions): AsyncResult<Awaited<R>[]> {
    return this.#many('pool.map()', this.map, MAP, fn, items, options) as AsyncResult<Awaited<R>[]>
  }

  /** The same as `map`, for those who look for `map_async`. */
  mapAsync<T, R>(fn: (item: T) => R, items: Iterable<T> | AsyncIterable<T>, options?: MapOptions): AsyncResult<Awaited<R>[]> {
    return this.#many('pool.mapAsync()', this.mapAsync, MAP, fn, items, options) as AsyncResult<Awaited<R>[]>
  }

  /** `fn(...item)` for each item. Python: `Pool.starmap`. */
  starmap<A extends Args, R>(fn: (...args: A) => R, items: Iterable<A> | AsyncIterable<A>, options?: MapOptions): AsyncResult<Awaited<R>[]> {
    return this.#many('pool.starmap()', this.starmap, STARMAP, fn, items, options) as AsyncResult<Awaited<R>[]>
  }

  /** The same as `starmap`, for those who look for `starmap_async`. */
  starmapAsync<A extends Args, R>(fn: (...args: A) => R, items: Iterable<A> | AsyncIterable<A>, options?: MapOptions): AsyncResult<Awaited<R>[]> {
    return this.#many('pool.starmapAsync()', this.starmapAsync, STARMAP, fn, items, options) as AsyncResult<Awaited<R>[]>
  }

  /**
   * `fn(item)` for each item, with the results one by one, in the order of the items, while the input is still being read.
   *
   * @param options.bufferSize - the input is never read further ahead of the results taken than this.
   * @throws ERR_MULTIPROC_NOT_SENDABLE for `fn`; CLOSED. An item that cannot be sent, an input that throws and a task that
   * fails end the results at their place.
   * @remarks Leaving the loop withdraws what has not begun and closes the input. Whoever neither reads to the end nor leaves
   * should call `return()`: a pool is not joined before. Python: `Pool.imap`.
   * @example for await (const size of pool.imap(measure, readLines(), { bufferSize: 100 })) total += size
   */
  imap<T, R>(fn: (item: T) => R, items: Iterable<T> | AsyncIterable<T>, options?: ImapOptions): ResultIterator<Awaited<R>> {
    return this.#stream('pool.imap()', this.imap, fn, items, options, true) as ResultIterator<Awaited<R>>
  }

  /** `imap` with each result as soon as it is there. Python: `Pool.imap_unordered`. */
  imapUnordered<T, R>(fn: (item: T) => R, items: Iterable<T> | AsyncIterable<T>, options?: ImapOptions): ResultIterator<Awaited<R>> {
    return this.#stream('pool.imapUnordered()', this.imapUnordered, fn, items, options, false) as ResultIterator<Awaited<R>>
  }

  /** No more tasks; workers end when those there are have ended. Returns at once; `join()` waits. Python: `Pool.close`. */
  close(): void {
    this.#dispatcher.close()
  }

  /** Kills the workers now; tasks that have not ended reject with ERR_MULTIPROC_CLOSED. Resolves when all workers are gone. */
  terminate(): Promise<void> {
    this.#dispatcher.terminate(new MultiprocError('ERR_MULTIPROC_CLOSED', 'the task was ended by pool.terminate(). Call close() and join() to let tasks end.'))
    return this.#whenEnded()
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
    const ended = this.#whenEnded().then(() => true)
    return waitFor(ended, { timeout, signal }, () => false, `${call} was aborted while it waited. The workers go on.`)
  }

  /** Leaving an `await using` block: `close()`, then `join()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
    await this.join()
  }

  #single(name: string, entry: Function, fn: Function, args: readonly unknown[], options: TaskOptions = noOptions, callback?: (value: unknown) => void, errorCallback?: (error: unknown) => void): AsyncResult<unknown> {
    this.#check(name, fn)
    if (!Array.isArray(args)) throw argumentType(`${name}: args`, 'an array: one element for each argument of the function', args)
    this.#checkRoom(name, 1)
    // Code of the user's runs while the task is encoded, and may close the pool: its workers stay until the task is theirs.
    const release = this.#dispatcher.hold()
    try {
      const call: Call = { entry, name, kind: CALL, fn, definition: this.#definitions.forTask(fn), options }
      const { result, resolve, reject } = makeAsyncResult<unknown>(() => this.#cancel(name, new Set([task])))
      // Not by `then`: that would count as handling the error of a result that nobody looks at.
      const task = this.#task(call, args, telling(resolve, callback), telling(reject, errorCallback))
      this.#submit(call, [task])
      if (errorCallback) result.catch(() => {})
      return result
    } finally {
      release()
    }
  }

  #many(name: string, entry: Function, kind: TaskKind, fn: Function, items: unknown, options: MapOptions = noOptions): AsyncResult<unknown[]> {
    this.#check(name, fn)
    checkTaskOptions(name, options, ['chunkSize'])
    if (!isIterable(items) && !isAsyncIterable(items)) throw argumentType(`${name}: items`, 'an iterable', items)
    const { chunkSize } = options
    if (isIterable(items)) {
      const release = this.#dispatcher.hold()
      try {
        return this.#inChunks({ entry, name, kind, fn, definition: undefined, options }, [...items], chunkSize)
      } finally {
        release()
      }
    }
    const definition = this.#definitions.forMap(fn)
    const stop = new AbortController()
    const { result, resolve, reject } = makeAsyncResult<unknown[]>(() => {
      reject(cancelled(name))
      stop.abort()
    })
    const release = this.#dispatcher.hold()
    collect(items, stop.signal)
      .then((all) => {
        if (stop.signal.aborted) return this.#dispatcher.forget(definition)
        const chunks = this.#inChunks({ entry, name, kind, fn, definition, options }, all, chunkSize)
        stop.signal.addEventListener('abort', () => chunks.cancel(), { once: true })
        return chunks.then(resolve)
      })
      .catch(reject)
      .finally(release)
    return result
  }

  #inChunks(given: Call, items: readonly unknown[], chunkSize = chunkSizeFor(items.length, this.#processes)): AsyncResult<unknown[]> {
    const results: unknown[] = new Array(items.length)
    const unended = new Set<Task>()
    const { result, resolve, reject } = makeAsyncResult<unknown[]>(() => this.#cancel(given.name, unended))
    this.#checkRoom(given.name, Math.ceil(items.length / chunkSize))
    const call: Call = { ...given, definition: given.definition ?? this.#definitions.forMap(given.fn) }
    const ended = (task: Task): void => {
      unended.delete(task)
      if (unended.size === 0) this.#dispatcher.forget(call.definition as Definition)
    }
    try {
      for (let start = 0; start < items.length; start += chunkSize) {
        const task: Task = this.#task(call, items.slice(start, start + chunkSize),
          (values) => {
            ended(task)
            for (const [index, value] of (values as unknown[]).entries()) results[start + index] = value
            if (unended.size === 0) resolve(results)
          },
          (error) => {
            ended(task)
            const isFirst = !result.ready()
            reject(error)
            // A copy: each rejection takes itself out.
            if (isFirst && unended.size > 0) this.#dispatcher.withdraw(new Set(unended), error)
          },
        )
        unended.add(task)
      }
    } catch (error) {
      for (const task of unended) task.dropped()
      call.definition?.dropped()
      throw error
    }
    if (unended.size === 0) resolve([])
    this.#submit(call, [...unended])
    return result
  }

  #stream(name: string, entry: Function, fn: Function, items: unknown, options: ImapOptions = noOptions, isOrdered: boolean): ResultIterator<unknown> {
    this.#check(name, fn)
    checkTaskOptions(name, options, ['chunkSize', 'bufferSize'])
    if (!isIterable(items) && !isAsyncIterable(items)) throw argumentType(`${name}: items`, 'an iterable', items)
    const { chunkSize = 1, bufferSize = chunkSize * this.#processes * STREAM_CHUNKS_PER_WORKER } = options
    const definition = this.#definitions.forMap(fn)
    const call: Call = { entry, name, kind: MAP, fn, definition, options }
    const dispatcher = this.#dispatcher
    const release = dispatcher.hold()
    return new ResultStream(
      {
        submit: (chunk, resolve, reject) => {
          const task = this.#task(call, chunk, resolve as (values: unknown) => void, reject)
          this.#submit(call, [task])
          return task
        },
        withdraw: (tasks) => dispatcher.withdraw(tasks, cancelled(name)),
        readAll: release,
        over: () => dispatcher.forget(definition),
      },
      isAsyncIterable(items) ? items[Symbol.asyncIterator]() : items[Symbol.iterator](),
      { call: name, chunkSize, bufferSize, isOrdered },
    )
  }

  #task({ entry, name, kind, fn, definition, options }: Call, args: readonly unknown[], resolve: (value: unknown) => void, reject: (error: unknown) => void): Task {
    const dispatcher = this.#dispatcher
    const { signal, queueTimeout, runTimeout, retry = this.#retry } = options
    let queueTimer: NodeJS.Timeout | undefined
    const abort = (): void => dispatcher.cancel(new Set([task]), cancelled(name, signal))
    const settle = (how: (value: unknown) => void) => (value: unknown): void => {
      signal?.removeEventListener('abort', abort)
      clearTimeout(queueTimer)
      how(value)
      dispatcher.settled()
    }
    const task: Task = new Task({
      call: entry, isTraced: dispatcher.outstanding < TRACED_TASKS, id: ++this.#lastTaskId, request: { kind, fn: definition ? definition.key : fn, args }, fn, definition,
      attempts: retry === undefined || retry === 0 ? undefined : new Attempts(retry), runTimeoutMs: runTimeout,
      resolve: settle(resolve), reject: settle(reject),
    })
    if (queueTimeout !== undefined) {
      queueTimer = setTimeout(() => {
        dispatcher.withdraw(new Set([task]), new TimeoutError(`${name} failed: no worker had begun task ${task.id} after its queueTimeout of ${queueTimeout} ms. It never ran; raise queueTimeout, or submit less at a time.`))
      }, queueTimeout)
    }
    signal?.addEventListener('abort', abort, { once: true })
    return task
  }

  #submit({ name, options: { signal } }: Call, tasks: readonly Task[]): void {
    for (const task of tasks) this.#dispatcher.submit(task)
    if (signal?.aborted) this.#dispatcher.cancel(new Set(tasks), cancelled(name, signal))
  }

  #cancel(name: string, tasks: ReadonlySet<Task>): void {
    this.#dispatcher.cancel(new Set(tasks), cancelled(name))
  }

  #check(call: string, fn: unknown): void {
    if (!this.#dispatcher.isOpen) throw new MultiprocError('ERR_MULTIPROC_CLOSED', `${call} failed: the pool was closed. Submit tasks before close(), or make a new pool.`)
    if (typeof fn !== 'function') throw argumentType(`${call}: fn`, 'a function', fn)
  }

  #checkRoom(call: string, tasks: number): void {
    const { waiting } = this.#dispatcher
    if (waiting + tasks > this.#maxQueue) throw new Full(`${call} failed: ${waiting} tasks wait, and maxQueue is ${this.#maxQueue}. Await some results first, or use imap(), which reads its input no faster than the workers work.`)
  }

  #whenEnded(): Promise<void> {
    const thread = currentThread()
    thread.ref()
    return this.#dispatcher.ended.finally(() => thread.unref())
  }
}

Object.defineProperty(Pool.prototype, Symbol.for('multiproc.unsendable'), {
  value: 'A Pool belongs to the process that made it. Make one there, or send what it computes.',
})

function telling(settle: (value: unknown) => void, tell: ((value: unknown) => void) | undefined): (value: unknown) => void {
  if (tell === undefined) return settle
  const told = AsyncResource.bind(tell)
  return (value) => {
    settle(value)
    queueMicrotask(() => told(value))
  }
}

function cancelled(call: string, signal?: AbortSignal): AbortError {
  return new AbortError(`${call} was cancelled. A task that ran was ended with its worker, and may have run in part.`, { cause: signal?.reason })
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof (value as Iterable<unknown> | null | undefined)?.[Symbol.iterator] === 'function'
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof (value as AsyncIterable<unknown> | null | undefined)?.[Symbol.asyncIterator] === 'function'
}

async function collect(items: AsyncIterable<unknown>, stop: AbortSignal): Promise<unknown[]> {
  const all: unknown[] = []
  for await (const item of items) {
    if (stop.aborted) break
    all.push(item)
  }
  return all
}
