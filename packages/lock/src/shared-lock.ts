import { AbandonedError, Mutex, MUTEX_BYTES } from '@multiproc/core'
import type { Home } from './home.ts'
import { SharedBlock, type BlockKind } from './shared-block.ts'

/** The body is a Mutex (core mutex.ts): its first word names the holder. */
const body = { bytes: () => MUTEX_BYTES, lockWord: 0 }
/** The last character of a magic number is the layout version. */
export const LOCK: BlockKind = { noun: 'lock', magic: 0x4d_50_4c_31, ...body } // 'MPL1'
export const RLOCK: BlockKind = { noun: 're-entrant lock', magic: 0x4d_50_52_31, ...body } // 'MPR1'

/** Policies: `onAbandoned`. */
export const TAKES = 0
export const THROWS = 1

/** How a thread holds it: see `owner` and `depth`. */
export interface Holding {
  readonly owner: object | undefined
  readonly depth: number
}

/** What a Lock or RLock is in this thread. */
export class SharedLock extends SharedBlock {
  readonly mutex: Mutex
  /** RLock: which code of this thread holds it, if this thread does (see rlock.ts), and how many times. */
  owner: object | undefined
  depth = 0

  constructor(home: Home) {
    super(home)
    this.mutex = new Mutex(this.thread, this.words, this.body)
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
