import type { ArenaMemory } from '../contracts/arena-memory.ts'
import type { Thread } from '../contracts/thread.ts'
import type { Handle, Keeper } from '../arena/block.ts'

/** What a channel needs of the arena: blocks, and large messages written and read without mapping them. */
export interface ChannelMemory extends Pick<ArenaMemory, 'region'> {
  alloc(bytes: number, keeper: Keeper, options?: { zeroed?: boolean }): Handle
  free(handle: Handle): void
  /** Frees the block if nobody keeps it any more. */
  reclaim(handle: Handle): boolean
  adopt(handle: Handle, keeper: { parent: Handle }): void
  writeAt(offset: number, source: Uint8Array): void
  readAt(offset: number, target: Uint8Array): void
}

/** A message as the codec made it. `commit` and `abort` concern the handles in it. */
export interface EncodedMessage {
  /** Valid until the next `encode`. */
  readonly scratch: Uint8Array
  readonly length: number
  readonly hasHandles: boolean
  commit(): void
  abort(): void
}

export interface ChannelCodec {
  encode(value: unknown, root: string): EncodedMessage
  /** The bytes may be written over once it has returned. */
  decode(bytes: Uint8Array, start: number, end: number): unknown
  /** The handles in this message die with this thread from now on. Runs no code of the user's. */
  adoptHandles(bytes: Uint8Array): void
  /** Ends the handles of a message that nobody will decode. */
  discard(bytes: Uint8Array): void
}

/** Everything around a channel, so that tests can give it simulated threads and plain memory. */
export interface ChannelContext {
  readonly thread: Thread
  readonly memory: ChannelMemory
  readonly codec: ChannelCodec
}
