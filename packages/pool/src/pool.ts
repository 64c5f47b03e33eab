import {
  AbortError, argumentType, argumentValue, checkOptions, checkWaitOptions, currentThread, deadlineAfter, MultiprocError, startTimer,
} from '@multiproc/core'
import type { WaitOptions } from '@multiproc/core'
import { cpuCount } from '@multiproc/process'
import { makeAsyncResult } from './async-result.ts'
import type { AsyncResult } from './async-result.ts'
import { chunkSizeFor } from './chunk.ts'
import { Definitions } from './definitions.ts'
import type { Definition } from './definitions.ts'
import { Dispatcher } from './dispatcher.ts'
import { CALL, MAP, STARMAP } from './protocol.ts'
import type { TaskKind } from './protocol.ts'
import { Task } from './task.ts'

type Args = unknown[] | []

export interface PoolOptions {
  /** Worker processes. Default: `cpuCount()`. */
  readonly processes?: number
  /** Runs first in each worker; may be async. If it throws in every worker, all tasks reject with what it threw. */
  readonly initializer?: ((...args: never[]) => unknown) | undefined
  readonly initArgs?: readonly unknown[]
  /** A worker is replaced after so many tasks. Default: never. */
  readonly maxTasksPerChild?: number
  /** The whole environment of the workers. Default: this process's. */
  readonly env?: NodeJS.ProcessEnv
  /** Options of Node's for the workers. Default: this process's. */
  readonly execArgv?: readonly string[]
  /** What the workers are called, with a number behind it. Default `PoolWorker`. */
  readonly name?: string
}

export interface CallbackOptions<R> {
  /** Called with the result, in a microtask. */
  readonly callback?: (value: R) => void
  /** Called with the error, in a microtask; the result then counts as handled. */
  readonly errorCallback?: (error: unknown) => void
}

export interface MapOptions {
  /** Items sent to a worker at a time. Default: a quarter of each worker's share. */
  readonly chunkSize?: number
}

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
  #lastTaskId = 0

  /**
   * Starts the workers, and returns at once.
   * @throws ERR_MULTIPROC_ARG_TYPE, ARG_VALUE, UNKNOWN_OPTION; NOT_SENDABLE for the initializer or its arguments;
   * what `Process.start()` throws (BOOTSTRAP, DAEMON_CHILD, PROCESS_LIMIT, SPAWN, …). No worker is left then.
   */
  constructor(options?: number | PoolOptions) {
    const settings = checkSettings(options)
    this.#processes = settings.processes
    this.#dispatcher = new Dispatcher(settings)
    const dispatcher = this.#dispatcher
    this.#definitions = new Definitions((definition) => dispatcher.forget(definition))
  }

  /**
   * Runs `fn(...args)` in a worker.
   *
   * @returns a promise of a copy of what it returned (a promise it returns is awaited there), with `get`, `wait`, `ready`
   * and `successful`. It rejects with what `fn` threw, rebuilt; WorkerLostError; MaybeEncodingError.
   * @throws ERR_MULTIPROC_NOT_SENDABLE and its like, naming the path (`args[0].onDone`), before anything is sent; CLOSED.
   * @remarks The arguments are copied now: later changes are not seen. Tasks begin in the order of the calls.
   * Python: `Pool.apply`, which blocks there; `apply_async`.
   */
  apply<R>(fn: () => R, args?: readonly []): AsyncResult<Awaited<R>>
  apply<A extends Args, R>(fn: (...args: A) => R, args: A): AsyncResult<Awaited<R>>
  apply(fn: Function, args: readonly unknown[] = []): AsyncResult<unknown> {
    return this.#single('pool.apply()', this.apply, fn, args)
  }

  /** `apply` with callbacks. Python: `Pool.apply_async(func, args, callback=, error_callback=)`. */
  applyAsync<R>(fn: () => R, args?: readonly [], options?: CallbackOptions<Awaited<R>>): AsyncResult<Awaited<R>>
  applyAsync<A extends Args, R>(fn: (...args: A) => R, args: A, options?: CallbackOptions<Awaited<R>>): AsyncResult<Awaited<R>>
  applyAsync(fn: Function, args: readonly unknown[] = [], options?: CallbackOptions<never>): AsyncResult<unknown> {
    const call = 'pool.applyAsync()'
    checkOptions(call, options, ['callback', 'errorCallback'])
    const { callback, errorCallback } = options ?? {}
    for (const [name, value] of Object.entries({ callback, errorCallback })) {
      if (value !== undefined && typeof value !== 'function') throw argumentType(`${call}: options.${name}`, 'a function', value)
    }
    return this.#single(call, this.applyAsync, fn, args, callback as ((value: unknown) => void) | undefined, errorCallback)
  }

  /**
   * `fn(item)` for each item, in the workers. The results come in the order of the items.
   * @remarks What `fn` captures is read once. The first error rejects the whole; chunks that have not begun still run.
   * Python: `Pool.map`.
   */
  map<T, R>(fn: (item: T) => R, items: Iterable<T> | AsyncIterable<T>, options?: MapOptions): AsyncResult<Awaited<R>[]> {
    return this.#many('pool.map()', this.map, MAP, fn, items, options) as AsyncResult<Awaited<R>[]>
  }

  /** `fn(...item)` for each item. Python: `Pool.starmap`. */
  starmap<A extends Args, R>(fn: (...args: A) => R, items: Iterable<A> | AsyncIterable<A>, options?: MapOptions): AsyncResult<Awaited<R>[]> {
    return this.#many('pool.starmap()', this.starmap, STARMAP, fn, items, options) as AsyncResult<Awaited<R>[]>
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
    if (signal?.aborted) throw aborted(call, signal)
    if (timeout === undefined && signal === undefined) {
      await this.#whenEnded()
      return true
    }
    return new Promise<boolean>((resolve, reject) => {
      const thread = currentThread()
      const abort = (): void => settle(() => reject(aborted(call, signal as AbortSignal)))
      const settle = (how: () => void): void => {
        stopTimer()
        signal?.removeEventListener('abort', abort)
        how()
      }
      const stopTimer = startTimer(thread, deadlineAfter(thread, timeout), () => settle(() => resolve(false)))
      signal?.addEventListener('abort', abort, { once: true })
      void this.#whenEnded().then(() => settle(() => resolve(true)))
    })
  }

  /** Leaving an `await using` block: `close()`, then `join()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
    await this.join()
  }

  #single(call: string, entry: Function, fn: Function, args: readonly unknown[], callback?: (value: unknown) => void, errorCallback?: (error: unknown) => void): AsyncResult<unknown> {
    this.#check(call, fn)
    if (!Array.isArray(args)) throw argumentType(`${call}: args`, 'an array: one element for each argument of the function', args)
    const definition = this.#definitions.forTask(fn)
    const { result, resolve, reject } = makeAsyncResult<unknown>()
    // Not by `then`: that would count as handling the error of a result that nobody looks at.
    const settle = (how: (value: unknown) => void, tell: ((value: unknown) => void) | undefined) => (value: unknown): void => {
      how(value)
      if (tell) queueMicrotask(() => tell(value))
    }
    this.#submit(entry, CALL, definition ? definition.key : fn, args, definition, settle(resolve, callback), settle(reject, errorCallback))
    if (errorCallback) result.catch(() => {})
    return result
  }

  #many(call: string, entry: Function, kind: TaskKind, fn: Function, items: unknown, options: MapOptions | undefined): AsyncResult<unknown[]> {
    this.#check(call, fn)
    checkOptions(call, options, ['chunkSize'])
    const chunkSize = options?.chunkSize
    if (chunkSize !== undefined) checkCount(`${call}: options.chunkSize`, chunkSize)
    if (isIterable(items)) return this.#inChunks(entry, kind, fn, [...items], chunkSize)
    if (!isAsyncIterable(items)) throw argumentType(`${call}: items`, 'an iterable', items)
    const { result, resolve, reject } = makeAsyncResult<unknown[]>()
    collect(items).then((all) => this.#inChunks(entry, kind, fn, all, chunkSize)).then(resolve, reject)
    return result
  }

  #inChunks(entry: Function, kind: TaskKind, fn: Function, items: readonly unknown[], chunkSize = chunkSizeFor(items.length, this.#processes)): AsyncResult<unknown[]> {
    const { result, resolve, reject } = makeAsyncResult<unknown[]>()
    const results: unknown[] = new Array(items.length)
    const definition = this.#definitions.forMap(fn)
    let left = Math.ceil(items.length / chunkSize)
    if (left === 0) resolve([])
    const ended = (): void => {
      if (--left === 0) this.#dispatcher.forget(definition)
    }
    for (let start = 0; start < items.length; start += chunkSize) {
      this.#submit(entry, kind, definition.key, items.slice(start, start + chunkSize), definition,
        (values) => {
          for (const [index, value] of (values as unknown[]).entries()) results[start + index] = value
          ended()
          if (left === 0) resolve(results)
        },
        (error) => {
          ended()
          reject(error)
        },
      )
    }
    return result
  }

  #submit(entry: Function, kind: TaskKind, fn: Function | number, args: readonly unknown[], definition: Definition | undefined, resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
    const dispatcher = this.#dispatcher
    const settle = (how: (value: unknown) => void) => (value: unknown): void => {
      how(value)
      dispatcher.settled()
    }
    dispatcher.submit(new Task(entry, ++this.#lastTaskId, { kind, fn, args }, definition, settle(resolve), settle(reject)))
  }

  #check(call: string, fn: unknown): void {
    if (!this.#dispatcher.isOpen) throw new MultiprocError('ERR_MULTIPROC_CLOSED', `${call} failed: the pool was closed. Submit tasks before close(), or make a new pool.`)
    if (typeof fn !== 'function') throw argumentType(`${call}: fn`, 'a function', fn)
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

function checkSettings(options: number | PoolOptions | undefined): ConstructorParameters<typeof Dispatcher>[0] {
  const call = 'new Pool()'
  if (typeof options === 'number') checkCount(`${call}: processes`, options)
  else checkOptions(call, options, ['processes', 'initializer', 'initArgs', 'maxTasksPerChild', 'env', 'execArgv', 'name'])
  const given: PoolOptions = typeof options === 'number' ? { processes: options } : (options ?? {})
  const { processes = cpuCount(), initializer, initArgs = [], maxTasksPerChild = Infinity, env, execArgv, name = 'PoolWorker' } = given
  checkCount(`${call}: options.processes`, processes)
  if (maxTasksPerChild !== Infinity) checkCount(`${call}: options.maxTasksPerChild`, maxTasksPerChild)
  if (initializer !== undefined && typeof initializer !== 'function') throw argumentType(`${call}: options.initializer`, 'a function', initializer)
  if (!Array.isArray(initArgs)) throw argumentType(`${call}: options.initArgs`, 'an array: one element for each argument of the initializer', initArgs)
  if (typeof name !== 'string') throw argumentType(`${call}: options.name`, 'a string', name)
  return { processes, initializer, initArgs, maxTasksPerChild, env, execArgv, name }
}

function checkCount(name: string, value: unknown): void {
  if (typeof value !== 'number') throw argumentType(name, 'a number', value)
  if (!Number.isInteger(value) || value < 1) throw argumentValue(name, 'a whole number of at least 1', value)
}

function aborted(call: string, signal: AbortSignal): AbortError {
  return new AbortError(`${call} was aborted while it waited. The workers go on.`, { cause: signal.reason })
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof (value as Iterable<unknown> | null | undefined)?.[Symbol.iterator] === 'function'
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof (value as AsyncIterable<unknown> | null | undefined)?.[Symbol.asyncIterator] === 'function'
}

async function collect(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = []
  for await (const item of items) all.push(item)
  return all
}
