import { argumentType, argumentValue, checkOptions } from '@multiproc/core'
import { cpuCount } from '@multiproc/process'
import { checkRetry, checkWhole } from './retry.ts'
import type { Retry } from './retry.ts'

export interface PoolOptions {
  /** Worker processes. Default: `cpuCount()`. */
  readonly processes?: number
  /** Runs first in each worker; may be async. If it throws in every worker, all tasks reject with what it threw. */
  readonly initializer?: ((...args: never[]) => unknown) | undefined
  readonly initArgs?: readonly unknown[]
  /** A worker is replaced after so many tasks. Default: never. */
  readonly maxTasksPerChild?: number
  /** More tasks than this that no worker has yet are refused with `Full`. Default: no limit. */
  readonly maxQueue?: number
  /** For tasks that do not say. Default 0. */
  readonly retry?: Retry
  /** The whole environment of the workers. Default: this process's. */
  readonly env?: NodeJS.ProcessEnv
  /** Options of Node's for the workers. Default: this process's. */
  readonly execArgv?: readonly string[]
  /** What the workers are called, with a number behind it. Default `PoolWorker`. */
  readonly name?: string
}

export interface TaskOptions {
  /** Aborting it rejects with `AbortError`, as `cancel()` does. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds that it may run; then `TimeoutError`, and its worker is replaced. Time in the queue does not count. */
  readonly runTimeout?: number | undefined
  /** Milliseconds until a worker must have begun it; then `TimeoutError`. */
  readonly queueTimeout?: number | undefined
  /** How often, and for what, it is tried again. */
  readonly retry?: Retry | undefined
}

export interface CallbackOptions<R> {
  /** Called with the result, in a microtask, in the caller's async context. */
  readonly callback?: (value: R) => void
  /** Called with the error, in the same way; the result then counts as handled. */
  readonly errorCallback?: (error: unknown) => void
}

export interface MapOptions extends TaskOptions {
  /** Items sent to a worker at a time; the time options count for each such chunk. Default: a quarter of each worker's share. */
  readonly chunkSize?: number | undefined
}

export interface ImapOptions extends TaskOptions {
  /** Items sent to a worker at a time. Default 1. */
  readonly chunkSize?: number | undefined
  /** Items read from the input and not given out yet, at most. Default: 16 chunks for each worker. */
  readonly bufferSize?: number | undefined
}

const taskKeys = ['signal', 'runTimeout', 'queueTimeout', 'retry']

export function checkTaskOptions(call: string, options: unknown, more: readonly string[]): void {
  if (options === undefined) return
  checkOptions(call, options, [...taskKeys, ...more])
  const { signal, runTimeout, queueTimeout, retry } = options as TaskOptions
  if (signal !== undefined && typeof (signal as { aborted?: unknown } | null)?.aborted !== 'boolean') throw argumentType(`${call}: options.signal`, 'an AbortSignal', signal)
  for (const [name, value] of Object.entries({ runTimeout, queueTimeout })) {
    if (value === undefined) continue
    if (typeof value !== 'number') throw argumentType(`${call}: options.${name}`, 'a number of milliseconds', value)
    if (!(value > 0 && value < 2 ** 31)) throw argumentValue(`${call}: options.${name}`, 'more than 0 and less than 2 ** 31 milliseconds', value)
  }
  checkRetry(`${call}: options.retry`, retry)
  for (const name of ['chunkSize', 'bufferSize'] as const) {
    const value = (options as ImapOptions)[name]
    if (value !== undefined) checkWhole(`${call}: options.${name}`, value, 1)
  }
}

export function checkPoolOptions(options: number | PoolOptions | undefined) {
  const call = 'new Pool()'
  if (typeof options === 'number') checkWhole(`${call}: processes`, options, 1)
  else checkOptions(call, options, ['processes', 'initializer', 'initArgs', 'maxTasksPerChild', 'maxQueue', 'retry', 'env', 'execArgv', 'name'])
  const given: PoolOptions = typeof options === 'number' ? { processes: options } : (options ?? {})
  const { processes = cpuCount(), initializer, initArgs = [], maxTasksPerChild = Infinity, maxQueue = Infinity, retry, env, execArgv, name = 'PoolWorker' } = given
  checkWhole(`${call}: options.processes`, processes, 1)
  if (maxTasksPerChild !== Infinity) checkWhole(`${call}: options.maxTasksPerChild`, maxTasksPerChild, 1)
  if (maxQueue !== Infinity) checkWhole(`${call}: options.maxQueue`, maxQueue, 1)
  checkRetry(`${call}: options.retry`, retry)
  if (initializer !== undefined && typeof initializer !== 'function') throw argumentType(`${call}: options.initializer`, 'a function', initializer)
  if (!Array.isArray(initArgs)) throw argumentType(`${call}: options.initArgs`, 'an array: one element for each argument of the initializer', initArgs)
  if (typeof name !== 'string') throw argumentType(`${call}: options.name`, 'a string', name)
  return { processes, initializer, initArgs, maxTasksPerChild, maxQueue, retry, env, execArgv, name }
}
