// errors and arguments
export { codes, type CodeEntry, type ErrorCode } from './errors/codes.ts'
export { brandsOf, MultiprocError, type ErrorOptions } from './errors/base.ts'
export {
  AuthenticationError,
  BrokenBarrierError,
  BufferTooShort,
  Empty,
  EOFError,
  Full,
  MaybeEncodingError,
  ProcessError,
  ShutDown,
  TimeoutError,
} from './errors/python.ts'
export {
  AbandonedError,
  AbortError,
  markRemote,
  ProcessExitError,
  RemoteError,
  remoteInfo,
  ServerLostError,
  WorkerLostError,
  type ExitFacts,
  type RemoteInfo,
} from './errors/remote.ts'
export {
  argumentType,
  argumentValue,
  checkOptions,
  checkSyncWaitOptions,
  checkWaitOptions,
  closedError,
  show,
  unknownOption,
  type SyncWaitOptions,
  type WaitOptions,
} from './arguments.ts'
export { deadlineAfter, remainingMs, startTimer } from './deadline.ts'
