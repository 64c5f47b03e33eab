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
 * Limits: `dict`, `list`, `set`, `namespace` and `value`; classes of your own, queues and locks in the server, and managers of
 * other machines are to come. An object can be referred to by 254 threads and messages at a time.
 *
 * @packageDocumentation
 */
export { Manager, SyncManager, type ManagerOptions } from './manager.ts'
export { sameReferent } from './proxy.ts'
export { copy, copySync, sync, type Contents, type Sync } from './types/operations.ts'
export { DictProxy } from './types/dict.ts'
export { ListProxy } from './types/list.ts'
export { SetProxy } from './types/set.ts'
export { ValueProxy } from './types/value.ts'
export type { NamespaceProxy } from './types/namespace.ts'
export { MaybeEncodingError, MultiprocError, registerReducer, RemoteError, remoteInfo, ServerLostError, TimeoutError } from '@multiproc/core'
