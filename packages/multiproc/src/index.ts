/**
 * Python's `multiprocessing` for Node.js, in one package: everything that the packages below export for programs.
 *
 * ```ts
 * import { Process, Queue } from 'multiproc'
 *
 * const queue = new Queue<string>()
 * new Process({ target: async (queue: Queue<string>) => queue.put('hello'), args: [queue] }).start()
 * console.log(await queue.get()) // => hello
 * ```
 *
 * Limits: Linux for now; connections between machines are to come.
 *
 * @packageDocumentation
 */
export {
  activeChildren,
  cpuCount,
  currentProcess,
  getAllStartMethods,
  getStartMethod,
  isMainProcess,
  parentProcess,
  Process,
  ProcessLocal,
  processLocal,
  setExecutable,
  setPreload,
  setStartMethod,
  type ParentProcess,
  type PreloadErrors,
  type ProcessEvent,
  type ProcessSettings,
  type Sentinel,
  type StartMethod,
} from '@multiproc/process'
export { getContext, type Context } from './context.ts'
export { JoinableQueue, Queue, SimpleQueue, type Lease, type QueueOptions } from '@multiproc/queue'
export { Connection, Pipe, wait, waitSync, type ByteRange, type LengthLimit, type PipeOptions, type TargetOffset } from '@multiproc/pipe'
export {
  Barrier,
  BoundedSemaphore,
  Condition,
  Event,
  Lock,
  LockGuard,
  RLock,
  Semaphore,
  type BarrierOptions,
  type LockOptions,
  type OwnedOption,
  type SemaphoreOptions,
} from '@multiproc/lock'
export {
  ShareableList,
  SharedArray,
  SharedMemory,
  SharedStruct,
  SharedValue,
  type ShareableItem,
  type SharedMemoryOptions,
  type SharedOptions,
} from '@multiproc/shared'
export {
  currentTask,
  Pool,
  type AsyncResult,
  type CallbackOptions,
  type Constant,
  type CurrentTask,
  type ImapOptions,
  type MapOptions,
  type PoolOptions,
  type PoolStats,
  type Remote,
  type ResultIterator,
  type Settled,
  type StreamOptions,
  type TaskOptions,
  type WorkerInfo,
} from '@multiproc/pool'
export {
  ArrayProxy,
  BarrierProxy,
  BaseManager,
  ConditionProxy,
  copy,
  copySync,
  DictProxy,
  EventProxy,
  JoinableQueueProxy,
  ListProxy,
  LockProxy,
  ManagedGuard,
  Manager,
  PoolProxy,
  QueueProxy,
  RLockProxy,
  sameReferent,
  SemaphoreProxy,
  SetProxy,
  SharedMemoryManager,
  sync,
  SyncManager,
  ValueProxy,
  type Contents,
  type ManagedBarrierOptions,
  type ManagerOptions,
  type ManagerServer,
  type NamespaceProxy,
  type ObjectProxy,
  type RegisterOptions,
  type Sync,
} from '@multiproc/manager'
export {
  AbandonedError,
  AbortError,
  AuthenticationError,
  BrokenBarrierError,
  BufferTooShort,
  Empty,
  EOFError,
  Full,
  MaybeEncodingError,
  move,
  MultiprocError,
  ProcessError,
  ProcessExitError,
  registerReducer,
  RemoteError,
  remoteInfo,
  ServerLostError,
  ShutDown,
  TimeoutError,
  WorkerLostError,
  type ErrorCode,
  type SyncWaitOptions,
  type WaitOptions,
} from '@multiproc/core'
