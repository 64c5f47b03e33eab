import { AbandonedError, Mutex, MUTEX_BYTES, type ArenaPlace } from '@multiproc/core'
import { SharedBlock, type BlockKind } from './shared-block.ts'

/** The last character of a magic number is the layout version. The body is a Mutex (core mutex.ts). */
export const LOCK: BlockKind = { noun: 'lock', magic: 0x4d_50_4c_31 } // 'MPL1'
export const RLOCK: BlockKind = { noun: 're-entrant lock', magic: 0x4d_50_52_31 } // 'MPR1'

/** Policy: `onAbandoned: 'throw'`. */
const THROWS = 1

/** How a thread holds it: see `owner` and `depth`. */
export interface Holding {
  readonly owner: object | undefined
  readonly depth: number
}

/** What a Lock or RLock is in this thread. */
export class SharedLock extends SharedBlock {
  readonly mutex: Mutex
  readonly kind: BlockKind
  /** RLock: which code of this thread holds it, if this thread does (see rlock.ts), and how many times. */
  owner: object | undefined
  depth = 0

  private constructor(kind: BlockKind, place: ArenaPlace, policy?: number) {
    super(kind, place, policy)
    this.kind = kind
    this.mutex = new Mutex(this.thread, this.words, this.body)
  }

  static create(kind: BlockKind, throwsWhenAbandoned: boolean): SharedLock {
    return new SharedLock(kind, SharedBlock.room(MUTEX_BYTES), throwsWhenAbandoned ? THROWS : 0)
  }

  static attach(kind: BlockKind, place: ArenaPlace): SharedLock {
    return (SharedBlock.known(place) as SharedLock | undefined) ?? new SharedLock(kind, place)
  }

  override get isHeld(): boolean {
    return this.mutex.mine
  }

  protected override giveUp(): void {
    if (this.mutex.mine) this.mutex.release()
  }

  /** Free now, however often it was taken: for a wait that will `regain` it. */
  letGo(): Holding {
    const { owner, depth } = this
    this.owner = undefined
    this.depth = 0
    this.mutex.release()
    return { owner, depth }
  }

  /** Ours again, by the mutex: held as before. Throws as `taken`; then nobody holds it. */
  regain(call: string, { owner, depth }: Holding): void {
    this.taken(call)
    this.owner = owner
    this.depth = depth
  }

  /** True if `taken` would throw. */
  get isRefused(): boolean {
    return this.mutex.abandoned && this.policy === THROWS
  }

  /** The lock is ours: tells of a dead holder, by warning or by error. */
  taken(call: string): true {
    if (!this.mutex.abandoned) return true
    if (this.isRefused) {
      this.mutex.release()
      throw new AbandonedError(`\`${call}\` failed: the holder of this lock died while holding it. Repair what it protects, then acquire again: nobody holds it now.`)
    }
    process.emitWarning('The last holder of a lock died while holding it: what it protects may be half done. Look at `abandoned`.', { code: 'MULTIPROC_ABANDONED' })
    return true
  }
}
