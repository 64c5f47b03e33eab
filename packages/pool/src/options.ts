import { argumentType, argumentValue, checkOptions } from '@multiproc/core'
import { cpuCount, getStartMethod } from '@multiproc/process'
import type { StartMethod } from '@multiproc/process'
import type { ResourceLimits } from 'node:worker_threads'
import { checkRetry, checkWhole } from './retry.ts'
import type { Retry } from './retry.ts'

export interface PoolOptions {
  /** Workers at most. Default: `cpuCount()`. */
  readonly processes?: number
  /** Workers that are started at once and stay; more come while tasks wait. Default: all of them. */
  readonly minProcesses?: number
  /** Milliseconds after which a worker beyond `minProcesses` that has nothing to do ends. Default: never. */
  readonly idleTimeout?: number
  /** How workers are started: processes, or threads of this process (`thread`). Default: `getStartMethod()`. */
  readonly method?: StartMethod
  /** Tasks in progress in one worker at once: for async functions that mostly wait. Default 1. */
  readonly concurrency?: number
  /** Runs first in each worker; may be async. If it throws in every worker, all tasks reject with what it threw. */
  readonly initializer?: ((...args: never[]) => unknown) | undefined
  readonly initArgs?: readonly unknown[]
  /** A worker is replaced after so many tasks. Default: never. */
  readonly maxTasksPerChild?: number
  /** A worker whose process is larger than so many bytes after a task (resident; looked at now and then) is replaced. */
  readonly memoryLimit?: number
  /** Megabytes of JavaScript heap of each worker process, at which Node ends it. Default: Node's. */
  readonly maxOldSpaceMb?: number
  /** For `method: 'thread'`: limits of each worker thread. */
  readonly resourceLimits?: ResourceLimits
  /** More tasks than this that no worker has yet are refused with `Full`. Default: no limit. */
  readonly maxQueue?: number
  /** For tasks that do not say. Default 0. */
  readonly retry?: Retry
  /** Milliseconds that a cancelled task has after its `signal` aborted; if it never asked for it, none. Default 1000. */
  readonly killDelay?: number
  /** The whole environment of the workers. Default: this process's. */
  readonly env?: NodeJS.ProcessEnv
  /** Options of Node's for the workers. Default: this process's. */
  readonly execArgv?: readonly string[]
  /** What the workers are called, with a number behind it. Default `PoolWorker`. */
  readonly name?: string
}

/** The task that reported. */
export interface ReportingTask {
  readonly id: number
  readonly attempt: number
}

export interface TaskOptions {
  /** Passed to the function as one more, last argument. */
  readonly kwargs?: object | undefined
  /** Aborting it rejects with `AbortError`, as `cancel()` does. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds that it may run; then `TimeoutError`, and it is ended as by `cancel()`. Time in the queue does not count. */
  readonly runTimeout?: number | undefined
  /** Milliseconds until a worker must have begun it; then `TimeoutError`. */
  readonly queueTimeout?: number | undefined
  /** How often, and for what, it is tried again. */
  readonly retry?: Retry | undefined
  /** Among those that wait, the higher begins first. Default 0. */
  readonly priority?: number | undefined
  /** Tasks of one affinity run in the same worker, or in its successor: for what a worker keeps between tasks. */
  readonly affinity?: string | number | undefined
  /** Called with what the task tells by `currentTask().report()`. */
  readonly onReport?: ((value: never, task: ReportingTask) => void) | undefined
}

export interface CallbackOptions<R> {
  /** Called with the result, in a microtask, in the caller's async context. */
  readonly callback?: (value: R) => void
  /** Called with the error, in the same way; the result then counts as handled. */
  readonly errorCallback?: (error: unknown) => void
}

export interface MapOptions extends Omit<TaskOptions, 'kwargs'> {
  /** Items sent to a worker at a time; the time options count for each such chunk. Default: as the number of items suggests, and less towards the end. */
  readonly chunkSize?: number | undefined
  /** False: runs all items, also after one has failed, and rejects then. Default true. */
  readonly failFast?: boolean | undefined
  /** True: never rejects for what an item does; each result says how its item ended. Default false. */
  readonly settled?: boolean | undefined
  /** Called after each chunk with the number of items done; `total` is undefined while the input is still being read. */
  readonly onProgress?: ((done: number, total: number | undefined) => void) | undefined
}

export interface ImapOptions extends Omit<TaskOptions, 'kwargs'> {
  /** Items sent to a worker at a time. Default: one, and more while they take next to no time. */
  readonly chunkSize?: number | undefined
  /** Items read from the input and not given out yet, at most. Default: 16 (or 16 chunks) for each worker. */
  readonly bufferSize?: number | undefined
  readonly settled?: boolean | undefined
  readonly onProgress?: ((done: number, total: number | undefined) => void) | undefined
}

export interface StreamOptions extends Omit<TaskOptions, 'retry'> {
  /** Values that the generator may be ahead of the reader, at most. Default 16. */
  readonly bufferSize?: number | undefined
}

/** How one item of a `settled` call ended. */
export type Settled<R> = { readonly index: number; readonly status: 'fulfilled'; readonly value: R } | { readonly index: number; readonly status: 'rejected'; readonly reason: unknown }

const taskKeys = ['kwargs', 'signal', 'runTimeout', 'queueTimeout', 'retry', 'priority', 'affinity', 'onReport']
export const applyKeys: readonly string[] = taskKeys
export const applyAsyncKeys: readonly string[] = [...taskKeys, 'callback', 'errorCallback']
const itemKeys = taskKeys.filter((key) => key !== 'kwargs')
export const mapKeys: readonly string[] = [...itemKeys, 'chunkSize', 'failFast', 'settled', 'onProgress']
export const imapKeys: readonly string[] = [...itemKeys, 'chunkSize', 'bufferSize', 'settled', 'onProgress']
export const streamKeys: readonly string[] = [...taskKeys.filter((key) => key !== 'retry'), 'bufferSize']

export function checkTaskOptions(call: string, options: unknown, keys: readonly string[]): void {
  if (options === undefined) return
  checkOptions(call, options, keys)
  const given = options as TaskOptions & ImapOptions & MapOptions & CallbackOptions<never>
  const { kwargs, signal, runTimeout, queueTimeout, retry, priority, affinity } = given
  if (signal !== undefined && typeof (signal as { aborted?: unknown } | null)?.aborted !== 'boolean') throw argumentType(`${call}: options.signal`, 'an AbortSignal', signal)
  if (kwargs !== undefined && (typeof kwargs !== 'object' || kwargs === null || Array.isArray(kwargs))) throw argumentType(`${call}: options.kwargs`, "an object: it is passed as the function's last argument", kwargs)
  for (const [name, value] of Object.entries({ runTimeout, queueTimeout })) checkDelay(`${call}: options.${name}`, value)
  checkRetry(`${call}: options.retry`, retry)
  if (priority !== undefined && !(typeof priority === 'number' && !Number.isNaN(priority))) throw argumentType(`${call}: options.priority`, 'a number', priority)
  if (affinity !== undefined && typeof affinity !== 'string' && typeof affinity !== 'number') throw argumentType(`${call}: options.affinity`, 'a string or a number', affinity)
  for (const name of ['chunkSize', 'bufferSize'] as const) {
    const value = given[name]
    if (value !== undefined) checkWhole(`${call}: options.${name}`, value, 1)
  }
  for (const name of ['failFast', 'settled'] as const) {
    const value = given[name]
    if (value !== undefined && typeof value !== 'boolean') throw argumentType(`${call}: options.${name}`, 'true or false', value)
  }
  for (const name of ['onReport', 'onProgress', 'callback', 'errorCallback'] as const) {
    const value = given[name]
    if (value !== undefined && typeof value !== 'function') throw argumentType(`${call}: options.${name}`, 'a function', value)
  }
}

const poolKeys = [
  'processes', 'minProcesses', 'idleTimeout', 'method', 'concurrency', 'initializer', 'initArgs', 'maxTasksPerChild', 'memoryLimit', 'maxOldSpaceMb',
  'resourceLimits', 'maxQueue', 'retry', 'killDelay', 'env', 'execArgv', 'name',
]

export function checkPoolOptions(options: number | PoolOptions | undefined) {
  const call = 'new Pool()'
  if (typeof options === 'number') checkWhole(`${call}: processes`, options, 1)
  else checkOptions(call, options, poolKeys)
  const given: PoolOptions = typeof options === 'number' ? { processes: options } : (options ?? {})
  const { minProcesses, initializer, initArgs = [], retry, execArgv, maxOldSpaceMb, method, resourceLimits, env, name = 'PoolWorker', idleTimeout = Infinity, killDelay = 1000 } = given
  const { processes = Math.max(cpuCount(), minProcesses ?? 1), concurrency = 1, maxTasksPerChild = Infinity, memoryLimit = Infinity, maxQueue = Infinity } = given
  checkWhole(`${call}: options.processes`, processes, 1)
  checkWhole(`${call}: options.concurrency`, concurrency, 1)
  for (const [key, value] of Object.entries({ maxTasksPerChild, memoryLimit, maxQueue })) if (value !== Infinity) checkWhole(`${call}: options.${key}`, value, 1)
  if (minProcesses !== undefined) {
    checkWhole(`${call}: options.minProcesses`, minProcesses, 0)
    if (minProcesses > processes) throw argumentValue(`${call}: options.minProcesses`, `at most processes, which is ${processes}`, minProcesses)
  }
  if (maxOldSpaceMb !== undefined) checkWhole(`${call}: options.maxOldSpaceMb`, maxOldSpaceMb, 1)
  const isThread = (method ?? getStartMethod()) === 'thread'
  if (maxOldSpaceMb !== undefined && isThread) throw argumentValue(`${call}: options.maxOldSpaceMb`, "left out with method 'thread'; use resourceLimits: { maxOldGenerationSizeMb }", maxOldSpaceMb)
  if (resourceLimits !== undefined && !isThread) throw argumentValue(`${call}: options.resourceLimits`, "left out without method 'thread'; use maxOldSpaceMb", resourceLimits)
  if (idleTimeout !== Infinity) checkDelay(`${call}: options.idleTimeout`, idleTimeout)
  if (killDelay !== 0) checkDelay(`${call}: options.killDelay`, killDelay)
  checkRetry(`${call}: options.retry`, retry)
  if (initializer !== undefined && typeof initializer !== 'function') throw argumentType(`${call}: options.initializer`, 'a function', initializer)
  if (!Array.isArray(initArgs)) throw argumentType(`${call}: options.initArgs`, 'an array: one element for each argument of the initializer', initArgs)
  if (execArgv !== undefined && !Array.isArray(execArgv)) throw argumentType(`${call}: options.execArgv`, 'an array of strings', execArgv)
  if (typeof name !== 'string') throw argumentType(`${call}: options.name`, 'a string', name)
  const heap = maxOldSpaceMb === undefined ? execArgv : [...(execArgv ?? process.execArgv), `--max-old-space-size=${maxOldSpaceMb}`]
  return {
    processes, minProcesses: minProcesses ?? processes, idleTimeout, method, concurrency, initializer, initArgs: initArgs as readonly unknown[], maxTasksPerChild, memoryLimit,
    resourceLimits, maxQueue, retry, killDelay, env, execArgv: heap, name,
  }
}

export type PoolSettings = ReturnType<typeof checkPoolOptions>

function checkDelay(name: string, value: unknown): void {
  if (value === undefined) return
  if (typeof value !== 'number') throw argumentType(name, 'a number of milliseconds', value)
  if (!(value > 0 && value < 2 ** 31)) throw argumentValue(name, 'more than 0 and less than 2 ** 31 milliseconds', value)
}
