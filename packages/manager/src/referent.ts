import { allocator, arena, currentThread, Holders, HOLDERS_BYTES, registerHandle } from '@multiproc/core'
import type { ArenaPlace } from '@multiproc/core'
import type { ObjectId } from './protocol.ts'

/**
 * Who refers to one object of a manager: a block in the arena that is nothing but a table of holders, in which each thread
 * that has a proxy stands, and each message that carries one. So references are counted by the threads that have them: a
 * killed process counts no more from that moment, and a proxy under way keeps its object alive without anybody asking.
 * The server stands in the table, too, so that the block stays as long as the object; it drops an object when it finds
 * nobody else in there.
 *
 * One of these stands for all proxies of this thread on the same object (`users`).
 */
export class Referent {
  readonly place: ArenaPlace
  readonly id: ObjectId
  readonly holders: Holders
  users = 0

  /** Use `create` or `attach`. */
  constructor(place: ArenaPlace) {
    const { words, base } = arena().region(place.offset)
    this.place = place
    this.id = `${place.offset}:${place.generation}`
    this.holders = new Holders(currentThread(), words, (place.offset - base) >> 2)
  }

  /** A new object's. Its creator stands in the table from the start. */
  static create(): Referent {
    const referent = new Referent(allocator().alloc(HOLDERS_BYTES, { held: true }))
    ofThisThread.set(referent.id, referent)
    return referent
  }

  /** The one that a message named; its flight keeps the block during the call. */
  static attach(place: ArenaPlace): Referent {
    const known = ofThisThread.get(`${place.offset}:${place.generation}`)
    if (known !== undefined) return known
    const referent = new Referent(place)
    referent.holders.join()
    ofThisThread.set(referent.id, referent)
    return referent
  }

  retain(): void {
    this.users++
  }

  /** True when that was the last user in this thread: it stands in the table no more. */
  release(): boolean {
    if (--this.users > 0) return false
    ofThisThread.delete(this.id)
    this.holders.leave()
    allocator().reclaim(this.place)
    return true
  }

  /** Somebody has a proxy: another thread, a message, or (`ownUsers` aside) this thread. Once false, false for ever. */
  isReferred(ownUsers: number): boolean {
    return this.users > ownUsers || this.holders.anyLiveOther()
  }

  static {
    registerHandle<Referent>({
      class: Referent,
      name: 'manager.Referent',
      package: '@multiproc/manager',
      version: '1',
      module: import.meta.url,
      reduce: ({ place, holders }) => ({ handle: place, holders }),
      revive: ({ offset, generation }) => Referent.attach({ offset, generation }),
    })
  }
}

const ofThisThread = new Map<ObjectId, Referent>()
