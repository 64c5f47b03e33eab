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
export { untilEnd } from './until-end.ts'
// contracts
export { atomics, cells, localWords, type AtomicOps, type BigIntegerArray, type IntegerArray } from './arena/atomics.ts'
export { WAITS_ASYNC, WAITS_SYNC, type Agent, type WaitKind } from './contracts/agent.ts'
export type { Thread } from './contracts/thread.ts'
export { WAITABLE, type Waitable } from './contracts/waitable.ts'
export type { ArenaMemory, Region } from './contracts/arena-memory.ts'
export { functionShipper, registerFunctions, type FunctionRecord, type FunctionShipper, type FunctionTable } from './contracts/functions.ts'
// family: shared memory, threads, life
export { Arena, type FamilyDescriptor } from './arena/arena.ts'
export { arena, familyDescriptor, joinFamily } from './arena/family.ts'
export { BLOCK_ALIGN, CHUNK_BYTES, GRAIN_BYTES, LAYOUT_VERSION } from './arena/layout.ts'
export { peekChildExit, waitChildExit } from './life/child-exit.ts'
export { claimProcess, livingProcesses, maxProcesses, type ProcessPlace } from './life/process-count.ts'
export type { ChildExit, Os, Window } from './os/contract.ts'
export { monotonicMs } from './os/clock.ts'
export { os } from './os/recommended.ts'
export { currentThread } from './parking/current-thread.ts'
export { SpinBudget } from './parking/spin.ts'
// parking: lines of waiters
export { Mutex, MUTEX_BYTES } from './parking/mutex.ts'
export { WAITER_SLOTS, Waiters, WAITERS_BYTES } from './parking/waiters.ts'
export { abortError, settle, settleSync, type PendingTurn, type Turn } from './parking/turn.ts'
export { AnyTurn } from './parking/any-turn.ts'
export { ConditionTurn, waitAsync, waitSync, wakeAll, wakeFirst } from './parking/wait.ts'
// blocks of shared memory, and who holds them
export { Allocator, type AllocatorLock, type AllocOptions } from './arena/allocator.ts'
export { HEADER_BYTES, type Handle, type Keeper } from './arena/block.ts'
export { allocator } from './arena/family-allocator.ts'
export { RedoLog, redoLogBytes } from './arena/redo-log.ts'
export { Holders, HOLDERS_BYTES, HOLDERS_ENTRIES, type Flight } from './handles/holders.ts'
// objects with a name, for unrelated processes
export { checkObjectName, namesFolder } from './names/folder.ts'
export { listNames, sweepNames } from './names/list.ts'
export { NamedSegment, type Create, type NamedFile, type NamedObject } from './names/segment.ts'
export { Ticket, type SentName } from './names/ticket.ts'
export { Claim } from './handles/claim.ts'
export { Holding } from './handles/holding.ts'
// codec and handles
export { encode, type Encoded, type EncodeOptions } from './codec/encode.ts'
export { adoptHandles, carriesFunctions, carriesHandles, decode, discard, preloadFunctions } from './codec/decode.ts'
export { registerNamed, type NamedType } from './codec/named.ts'
export { registerReducer, type Reducer } from './codec/reducers.ts'
export { packThrown, unpackThrown, type PackedThrown } from './codec/thrown.ts'
export { move } from './handles/move.ts'
export { registerSharedView, SHARED_VIEW } from './handles/shared-view.ts'
export {
  registerHandle,
  type ArenaPlace,
  type FlightTable,
  type HandleType,
  type ReducedHandle,
  type RevivedParts,
} from './handles/registry.ts'
// rings and channels
export { Channel, type ChannelOptions, type ChannelPlace } from './ring/channel.ts'
export { Line } from './ring/line.ts'
export { nextTurn, turnIsDue } from './ring/loop-turn.ts'
// streams to other programs
export { AUTH_DIGESTS, Authenticator, FAILURE as AUTH_FAILURE, MAX_AUTH_FRAME, type AuthDigest } from './wire/auth.ts'
export { frameHeader, FrameReader } from './wire/frame.ts'
