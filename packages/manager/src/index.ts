/**
 * Objects in a process of their own, used from all others through proxies: Python's `multiprocessing.Manager`.
 *
 * ```ts
 * import { Manager } from '@multiproc/manager'
 *
 * const manager = Manager()
 * const scores = manager.dict<string, number>()
 * scores.set('ada', 1)
 * console.log(await scores.get('ada')) // => 1
 * await manager.shutdown()
 * ```
 *
 * Limits: an object can be referred to by 254 threads and messages at a time.
 *
 * @packageDocumentation
 */
export { BaseManager, type ManagerOptions } from './base-manager.ts'
export type { ManagerServer } from './child/in-process.ts'
export type { ServerPlace, SocketOptions } from './socket/options.ts'
export type { RegisterOptions } from './registrations.ts'
export { Manager, SyncManager } from './sync-manager.ts'
export { SharedMemoryManager } from './shared-memory-manager.ts'
export { sameReferent } from './proxy.ts'
export { copy, copySync, sync, type Contents, type Sync } from './types/operations.ts'
export { ArrayProxy } from './types/array.ts'
export { BarrierProxy, type ManagedBarrierOptions } from './types/barrier.ts'
export { ConditionProxy } from './types/condition.ts'
export { DictProxy } from './types/dict.ts'
export { EventProxy } from './types/event.ts'
export { ListProxy } from './types/list.ts'
export { LockProxy, RLockProxy } from './types/lock.ts'
export type { NamespaceProxy } from './types/namespace.ts'
export { PoolProxy } from './types/pool.ts'
export { JoinableQueueProxy, QueueProxy } from './types/queue.ts'
export type { ObjectProxy } from './types/registered-types.ts'
export { SemaphoreProxy } from './types/semaphore.ts'
export { SetProxy } from './types/set.ts'
export { ValueProxy } from './types/value.ts'
export { ManagedGuard } from './types/wait-arguments.ts'
export {
  AbortError, AuthenticationError, BrokenBarrierError, Empty, Full, MaybeEncodingError, MultiprocError, registerReducer, RemoteError, remoteInfo, ServerLostError, ShutDown, TimeoutError,
} from '@multiproc/core'
