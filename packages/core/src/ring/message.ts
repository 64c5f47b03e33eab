import type { Handle } from '../arena/block.ts'
import type { ChannelContext, ChannelMemory } from './channel-context.ts'
import { BYTES, EXTENT, HANDLES } from './layout.ts'
import { copyBytes, type Ring } from './spsc.ts'
import type { SharedRing } from './sides.ts'

/**
 * How a message lies in a ring: as a record, or, if it is too long for that, in a block of its own (an extent) that the
 * record names: float64 offset, int32 generation, int32 0, float64 length.
 *
 * Death between                             leaves                                who repairs, how
 *   alloc and adopt                         a block OWNED by a dead thread        a sweep frees it
 *   adopt (by the channel) and tail store   a block nobody names                  freed with the channel
 *   copy and head store                     the record and its extent             nobody: the next reader takes both
 *   head store and free                     a block nobody names                  freed with the channel
 * Adopted before it is published: the other order would let a sweep free what a reader reads.
 */
const EXTENT_RECORD_BYTES = 24

/** The record of an extent, written and read here; used between two calls only. */
const extentRecord = new Uint8Array(EXTENT_RECORD_BYTES)
const extentView = new DataView(extentRecord.buffer)

/** A message to be sent: `length` bytes from `start`, which stay as they are until it is pushed or given up. */
export class Outgoing {
  readonly bytes: Uint8Array
  readonly length: number
  readonly flags: number
  readonly start: number

  constructor(bytes: Uint8Array, length: number, flags: number, start = 0) {
    this.bytes = bytes
    this.length = length
    this.flags = flags
    this.start = start
  }

  pushTo(ring: SharedRing, memory: ChannelMemory, channel: Handle): boolean {
    const { bytes, length, flags, start } = this
    if (length <= ring.ring.longestPayload) return ring.tryPush(bytes, length, flags, undefined, start)
    // Not binding, the lock is not held; it saves making an extent in vain.
    if (!ring.ring.hasRoom(EXTENT_RECORD_BYTES, flags | EXTENT)) return false
    const extent = memory.alloc(length, { owner: ring.threadId }, { zeroed: false })
    let pushed = false
    try {
      memory.writeAt(extent.offset, bytes.length === length ? bytes : bytes.subarray(start, start + length))
      extentView.setFloat64(0, extent.offset, true)
      extentView.setInt32(8, extent.generation, true)
      extentView.setFloat64(16, length, true)
      pushed = ring.tryPush(extentRecord, EXTENT_RECORD_BYTES, flags | EXTENT, () => memory.adopt(extent, { parent: channel }))
      return pushed
    } finally {
      if (!pushed) memory.free(extent)
    }
  }
}

/** A message that was copied out of a ring. */
export interface Message {
  readonly bytes: Uint8Array
  readonly length: number
  readonly flags: number
  /** To be freed once the record is released. */
  readonly extent: Handle | undefined
}

/**
 * Copies the record that `ring.peek()` found. `accept` sees its length first and may refuse it by throwing.
 *
 * @param into - where the bytes go; fresh memory when there is none, or too little.
 */
export function copyOut(ring: Ring, memory: ChannelMemory, accept: (length: number, isBytes: boolean) => void, into?: Uint8Array): Message {
  const { start, flags } = ring
  if ((flags & EXTENT) === 0) {
    const { length } = ring
    accept(length, (flags & BYTES) !== 0)
    const bytes = into !== undefined && into.length >= length ? into : Buffer.allocUnsafeSlow(length)
    copyBytes(ring.bytes, start, bytes, 0, length)
    return { bytes, length, flags, extent: undefined }
  }
  copyBytes(ring.bytes, start, extentRecord, 0, EXTENT_RECORD_BYTES)
  const extent = { offset: extentView.getFloat64(0, true), generation: extentView.getInt32(8, true) }
  const length = extentView.getFloat64(16, true)
  accept(length, (flags & BYTES) !== 0)
  const bytes = into !== undefined && into.length >= length ? into : Buffer.allocUnsafeSlow(length)
  memory.readAt(extent.offset, bytes.length === length ? bytes : bytes.subarray(0, length))
  return { bytes, length, flags, extent }
}

/** Takes out what nobody will ever read, and ends the handles in it. */
export function dropUnread(ring: SharedRing, { memory, codec }: ChannelContext): void {
  for (;;) {
    const message = ring.tryPop((found) => copyOut(found, memory, () => {}))
    if (message === undefined) return
    if (message.flags & HANDLES) codec.discard(message.bytes.subarray(0, message.length))
    if (message.extent !== undefined) memory.free(message.extent)
  }
}
