import { allocator } from '../arena/family-allocator.ts'
import { oneTable } from '../one-table.ts'
import type { Holders } from './holders.ts'
import type { ArenaPlace } from './registry.ts'

/** How often this thread holds an object. One for all copies of a package: the table of holders knows only threads. */
interface Share {
  readonly generation: number
  uses: number
  readonly holdings: Holding[]
}

/** By the arena offset of the table of holders. */
const shares = oneTable('shares', () => new Map<number, Share>())

/**
 * What an object of the arena is in this thread: one for all handles that its code has on the object, and for all calls
 * that are at work in its memory. The thread stands in the object's table of holders while anything retains this, and so
 * the memory stays; with the last thread the object goes.
 *
 * Code of the user's (a getter, a reviver, a callback) may close the last handle inside a call. So a call that runs such
 * code, or waits, retains the object itself: see `during`.
 */
export abstract class Holding {
  readonly place: ArenaPlace
  readonly holders: Holders
  readonly #key: number
  #share: Share | undefined

  /** @param holdersOffset - where the table of holders begins, in bytes from `place.offset`. */
  constructor(place: ArenaPlace, holders: Holders, holdersOffset = 0) {
    this.place = place
    this.holders = holders
    this.#key = place.offset + holdersOffset
  }

  /** This thread's, of that class, if it holds the object. A message that named the place keeps it during the call. */
  static find<H extends Holding>(type: Function & { readonly prototype: H }, { offset, generation }: ArenaPlace, holdersOffset = 0): H | undefined {
    const share = shares.get(offset + holdersOffset)
    if (share?.generation !== generation) return undefined
    return share.holdings.find((each): each is H => each instanceof type)
  }

  /**
   * One more handle, or call, of this thread needs the object. The first must be sure that the object is there: its own
   * new one, or one that a message brought.
   * @throws ERR_MULTIPROC_NO_MEMORY, with nothing changed.
   */
  retain(): void {
    const share = this.isHeld ? this.#share! : this.#enter()
    share.uses++
  }

  /** One less. With the last one this thread leaves the object. */
  release(): void {
    const share = this.#share
    if (share === undefined || --share.uses > 0) return
    for (const holding of share.holdings) holding.leaving()
    if (shares.get(this.#key) === share) shares.delete(this.#key)
    this.holders.leave()
    this.left()
  }

  /** A handle was collected without `close()`. */
  dropped(): void {
    this.release()
  }

  /** The object's memory may be touched. False once all was released: then it may be another's. */
  get isHeld(): boolean {
    return this.uses > 0
  }

  /** Handles and calls of this thread that retain the object. */
  get uses(): number {
    return this.#share?.uses ?? 0
  }

  /** Keeps the object during `work`, whatever code runs in it. */
  during<T>(work: () => T): T {
    this.retain()
    try {
      return work()
    } finally {
      this.release()
    }
  }

  /** Keeps it until what `work` returned has settled. */
  async duringAsync<T>(work: () => Promise<T>): Promise<T> {
    this.retain()
    try {
      return await work()
    } finally {
      this.release()
    }
  }

  #enter(): Share {
    let share = shares.get(this.#key)
    if (share?.generation !== this.place.generation) {
      this.holders.join()
      share = { generation: this.place.generation, uses: 0, holdings: [] }
      shares.set(this.#key, share)
      this.joined()
    }
    share.holdings.push(this)
    return (this.#share = share)
  }

  /** This thread stands in the table of holders now. */
  protected joined(): void {}

  /** It is about to leave: what it alone has in the object must be given back. Must not throw. */
  protected leaving(): void {}

  /** It has left. The memory may be another's already, unless another thread holds the object. */
  protected left(): void {
    allocator().reclaim(this.place)
  }
}
