/**
 * Worker processes that run any function: no worker file, no main guard, and a killed worker costs one task.
 *
 * ```ts
 * import { Pool } from '@multiproc/pool'
 *
 * const pool = new Pool(4)
 * console.log(await pool.map((x) => x * x, [1, 2, 3])) // => [1, 4, 9]
 * pool.close()
 * await pool.join()
 * ```
 *
 * @packageDocumentation
 */
export { Pool } from './pool.ts'
export { currentTask } from './child/current-task.ts'
export type { CurrentTask } from './child/current-task.ts'
export type { CallbackOptions, ImapOptions, MapOptions, PoolOptions, ReportingTask, Settled, StreamOptions, TaskOptions } from './options.ts'
export type { PoolEvents, SyncOptions } from './pool.ts'
export type { PoolStats, WorkerStats } from './stats.ts'
export type { Latency } from './histogram.ts'
export type { Constant } from './constant.ts'
export type { Remote } from './remote.ts'
export type { WorkerInfo } from './crew.ts'
export type { TaskMessage } from './channels.ts'
export type { ResultIterator } from './iterate.ts'
export type { Retry, RetryOptions } from './retry.ts'
export type { AsyncResult } from './async-result.ts'
export { AbortError, Full, MaybeEncodingError, MultiprocError, registerReducer, RemoteError, remoteInfo, TimeoutError, WorkerLostError } from '@multiproc/core'
