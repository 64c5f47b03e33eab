import { arena } from '../arena/family.ts'
import { allocator } from '../arena/family-allocator.ts'
import { Holders, HOLDERS_BYTES } from '../handles/holders.ts'
import type { ArenaPlace } from '../handles/registry.ts'
import { currentThread } from '../parking/current-thread.ts'

/** A named object in a message. */
export interface SentName {
  readonly name: string
  readonly parameters: readonly number[]
}

interface Place {
  readonly handle: ArenaPlace
  readonly holders: Holders
}

/** What stands for a named object in messages, which need a place in the arena; the receiver goes by the name. */
export class Ticket {
  #place: Place | undefined

  /** Made by the first message. */
  place(): Place {
    if (this.#place === undefined) {
      const handle = allocator().alloc(HOLDERS_BYTES, { held: true })
      const { words, base } = arena().region(handle.offset)
      this.#place = { handle, holders: new Holders(currentThread(), words, (handle.offset - base) >> 2) }
    }
    return this.#place
  }

  /** The object is closed here. A message that is under way keeps the place. */
  giveUp(): void {
    if (this.#place === undefined) return
    this.#place.holders.leave()
    allocator().reclaim(this.#place.handle)
  }
}
