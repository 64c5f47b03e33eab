/**
 * A first-in, first-out queue between processes and threads, in shared memory.
 *
 * ```ts
 * import { Process } from '@multiproc/process'
 * import { Queue } from '@multiproc/queue'
 *
 * const queue = new Queue<string>()
 * new Process({ target: async (queue: Queue<string>) => queue.put('hello'), args: [queue] }).start()
 * console.log(await queue.get()) // => hello
 * ```
 *
 * @packageDocumentation
 */
export { JoinableQueue } from './joinable-queue.ts'
export type { Lease } from './lease.ts'
export type { QueueOptions } from './options.ts'
export { Queue } from './queue.ts'
export { SimpleQueue } from './simple-queue.ts'
export { Empty, Full, MultiprocError, registerReducer, ShutDown } from '@multiproc/core'
