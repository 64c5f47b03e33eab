/**
 * A lock between processes and threads, in shared memory, that survives `kill -9` of its holder.
 *
 * ```ts
 * import { Lock } from '@multiproc/lock'
 * import { Process } from '@multiproc/process'
 *
 * const lock = new Lock()
 * const child = new Process({
 *   target: (lock: Lock) => lock.runExclusive(() => console.log('only me')),
 *   args: [lock],
 * })
 * child.start()
 * await child.join()
 * ```
 *
 * @packageDocumentation
 */
export { Barrier, type BarrierOptions } from './barrier.ts'
export { Condition } from './condition.ts'
export { Event } from './event.ts'
export { LockGuard } from './guard.ts'
export { Lock, type LockOptions } from './lock.ts'
export { checkLockHasName, checkNames } from './names.ts'
export { RLock, rlockBeside } from './rlock.ts'
export { BoundedSemaphore, Semaphore, type OwnedOption, type SemaphoreOptions } from './semaphore.ts'
export type { NameOptions } from './shared-block.ts'
export { AbandonedError, AbortError, BrokenBarrierError, MultiprocError, registerReducer, TimeoutError } from '@multiproc/core'
