import { allocator, arena, currentThread, Holders, HOLDERS_BYTES, MultiprocError, type ArenaPlace, type Thread } from '@multiproc/core'

/** The layout version of every block of this package, and the last character of its magic numbers. */
export const LOCK_VERSION = '1'

/** Which block: told by its first word, so that a handle never reads another one's words as its own. */
export interface BlockKind {
  readonly noun: string
  readonly magic: number
}

/** Where a kind's own words begin. */
const BODY = HOLDERS_BYTES + 64

/**
 * What a primitive is in this thread: one for all handles that its code has on the same primitive.
 *
 * Layout v1 (bytes from the payload's start)                | writer        | reader
 *   0      Holders: who has a handle (core holders.ts)      | its holders   | all
 *   2,048  int32 magic, with the layout version             | creator       | all, on attach
 *   2,052  int32 policy, of the kind                        | creator       | all
 *   2,112  the words of the kind                            | its holders   | all
 */
export abstract class SharedBlock {
  readonly place: ArenaPlace
  readonly thread: Thread
  readonly holders: Holders
  readonly policy: number
  protected readonly words: Int32Array
  /** Word index of the kind's own words. */
  protected readonly body: number
  #handles = 0

  constructor(kind: BlockKind, place: ArenaPlace, policy?: number) {
    const thread = currentThread()
    const { words, base } = arena().region(place.offset)
    const head = (place.offset - base + HOLDERS_BYTES) >> 2
    if (policy !== undefined) {
      words[head + 1] = policy
      thread.ops.store(words, head, kind.magic)
    }
    const magic = thread.ops.load(words, head)
    if (magic !== kind.magic) {
      throw new MultiprocError('ERR_MULTIPROC_LAYOUT', `there is no ${kind.noun} of layout ${kind.magic.toString(16)} at arena offset ${place.offset}, but ${magic.toString(16)}. Install one version of @multiproc/lock.`, {
        details: { expected: kind.magic, got: magic },
      })
    }
    this.place = place
    this.thread = thread
    this.holders = new Holders(thread, words, (place.offset - base) >> 2)
    this.policy = words[head + 1]!
    this.words = words
    this.body = (place.offset - base + BODY) >> 2
    ofThisThread.set(place.offset, this)
  }

  /** A new block for a kind with that many bytes of its own, zero. */
  static room(bodyBytes: number): ArenaPlace {
    return allocator().alloc(BODY + bodyBytes, { held: true })
  }

  /** The block of this thread that a message named, if there is one. The message's flight keeps it alive during the call. */
  static known(place: ArenaPlace): SharedBlock | undefined {
    const known = ofThisThread.get(place.offset)
    return known?.place.generation === place.generation ? known : undefined
  }

  /** One more handle of this thread stands for the block. */
  retain(): void {
    if (this.#handles++ > 0) return
    this.holders.join()
    this.joined()
  }

  /** One less. With the last one this thread leaves; with the last thread the block goes. */
  release(): void {
    if (--this.#handles > 0) return
    this.giveUp()
    if (ofThisThread.get(this.place.offset) === this) ofThisThread.delete(this.place.offset)
    this.holders.leave()
    allocator().reclaim(this.place)
  }

  /**
   * A handle was dropped without `close()`. A thread that holds something keeps it all the same, as a program that holds a
   * lock until its end may do; what is left of it goes when the thread ends.
   */
  dropped(): void {
    if (this.#handles === 1 && this.isHeld) return
    this.release()
  }

  /** False once the last handle of this thread was closed: then the memory may be another's. */
  get isJoined(): boolean {
    return this.#handles > 0
  }

  /** Whether this thread holds the lock, or permits. */
  get isHeld(): boolean {
    return false
  }

  /** This thread holds the block now: waiters that watch all holders must look who they are. */
  protected joined(): void {}

  /** Before this thread leaves: gives back what it holds. */
  protected giveUp(): void {}
}

const ofThisThread = new Map<number, SharedBlock>()
