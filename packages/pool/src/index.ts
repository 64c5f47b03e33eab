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
export type { CallbackOptions, ImapOptions, MapOptions, PoolOptions, TaskOptions } from './options.ts'
export type { ResultIterator } from './iterate.ts'
export type { Retry, RetryOptions } from './retry.ts'
export type { AsyncResult } from './async-result.ts'
export { AbortError, Full, MaybeEncodingError, MultiprocError, registerReducer, RemoteError, remoteInfo, TimeoutError, WorkerLostError } from '@multiproc/core'
