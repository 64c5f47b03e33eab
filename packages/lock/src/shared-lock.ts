import { allocator, arena, currentThread, Holders, HOLDERS_BYTES, MultiprocError, Mutex, MUTEX_BYTES, type ArenaPlace, type Thread } from '@multiproc/core'

/**
 * The block of a lock.
 *
 * Layout v1 (bytes from the payload's start)                | writer        | reader
 *   0      Holders: who has a handle (core holders.ts)      | its holders   | all
 *   2,048  int32 magic, with the layout version             | creator       | all, on attach
 *   2,052  int32 policy: 1 = `onAbandoned: 'throw'`         | creator       | all
 *   2,112  Mutex (core mutex.ts)                            | takers        | all
 */
const LOCK_MAGIC = 0x4d_50_4c_31 // 'MPL1': the last character is the layout version
export const LOCK_VERSION = '1'
const HEAD = HOLDERS_BYTES
const MUTEX = HEAD + 64
const BLOCK_BYTES = MUTEX + MUTEX_BYTES

const THROWS = 1

/** What a lock is in this thread: one for all handles that its code has on the same lock. */
export class SharedLock {
  readonly place: ArenaPlace
  readonly thread: Thread
  readonly holders: Holders
  readonly mutex: Mutex
  readonly throwsWhenAbandoned: boolean
  #handles = 0

  private constructor(place: ArenaPlace, policy?: number) {
    const thread = currentThread()
    const { words, base } = arena().region(place.offset)
    const at = (bytes: number): number => (place.offset - base + bytes) >> 2
    if (policy !== undefined) {
      words[at(HEAD) + 1] = policy
      thread.ops.store(words, at(HEAD), LOCK_MAGIC)
    }
    const magic = thread.ops.load(words, at(HEAD))
    if (magic !== LOCK_MAGIC) {
      throw new MultiprocError('ERR_MULTIPROC_LAYOUT', `there is no lock of layout ${LOCK_MAGIC.toString(16)} at arena offset ${place.offset}, but ${magic.toString(16)}. Install one version of @multiproc/lock.`, {
        details: { expected: LOCK_MAGIC, got: magic },
      })
    }
    this.place = place
    this.thread = thread
    this.holders = new Holders(thread, words, at(0))
    this.mutex = new Mutex(thread, words, at(MUTEX))
    this.throwsWhenAbandoned = words[at(HEAD) + 1] === THROWS
    ofThisThread.set(place.offset, this)
  }

  static create(throwsWhenAbandoned: boolean): SharedLock {
    return new SharedLock(allocator().alloc(BLOCK_BYTES, { held: true }), throwsWhenAbandoned ? THROWS : 0)
  }

  /** The lock that a message named. The message's flight keeps the block alive during the call. */
  static attach(place: ArenaPlace): SharedLock {
    const known = ofThisThread.get(place.offset)
    return known !== undefined && known.place.generation === place.generation ? known : new SharedLock(place)
  }

  /** One more handle of this thread stands for the lock. */
  retain(): void {
    if (this.#handles++ === 0) this.holders.join()
  }

  /** One less. With the last one this thread leaves the lock, releasing it; with the last thread the lock goes. */
  release(): void {
    if (--this.#handles > 0) return
    if (this.mutex.mine) this.mutex.release()
    ofThisThread.delete(this.place.offset)
    this.holders.leave()
    allocator().reclaim(this.place)
  }

  /**
   * A handle was dropped without `close()`. A thread that holds the lock keeps it all the same, as a program that holds a
   * lock until its end may do; what is left of it goes when the thread ends.
   */
  dropped(): void {
    if (this.#handles === 1 && this.mutex.mine) return
    this.release()
  }
}

const ofThisThread = new Map<number, SharedLock>()
