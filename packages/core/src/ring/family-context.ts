import { allocator } from '../arena/family-allocator.ts'
import { arena } from '../arena/family.ts'
import { adoptHandles, decode, discard } from '../codec/decode.ts'
import { encode } from '../codec/encode.ts'
import { currentThread } from '../parking/current-thread.ts'
import type { ChannelContext } from './channel-context.ts'

let own: ChannelContext | undefined

/** This thread, its family's arena, and the codec. Joins (or founds) the family at the first call. */
export function familyContext(): ChannelContext {
  if (own !== undefined) return own
  const thread = currentThread()
  const memory = arena()
  const blocks = allocator()
  return (own = {
    thread,
    memory: {
      region: (offset) => memory.region(offset),
      readAt: (offset, target) => memory.readAt(offset, target),
      writeAt: (offset, source) => memory.writeAt(offset, source),
      alloc: (bytes, keeper, options) => blocks.alloc(bytes, keeper, options),
      free: (handle) => blocks.free(handle),
      reclaim: (handle) => blocks.reclaim(handle),
      adopt: (handle, keeper) => blocks.adopt(handle, keeper),
    },
    codec: { encode, decode, adoptHandles, discard },
  })
}
