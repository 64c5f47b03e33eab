/**
 * The child processes of a family, to bound their number. The bound is the number of entries that are looked at, so two
 * starts at once cannot pass it, and processes with different bounds agree.
 *
 * Layout v1 (words of an entry)                                          | writer   | reader
 *   0  STATE     0 free; creator's id << 2 | CLAIMED; creator's id << 2 | RUNNING
 *   1  PID, 2 START of the process, valid in RUNNING                      | creator  | everyone
 *   3  unused
 *
 * STATE          set by            legal next
 *   0            –                 CLAIMED (CAS)
 *   CLAIMED      creator           RUNNING, 0 (not started; or the creator is dead: anyone)
 *   RUNNING      creator           0 (creator saw the end; or the process is dead: anyone, CAS)
 *
 * Death between                     leaves                       who repairs, how
 *   CLAIMED and RUNNING             CLAIMED, its creator dead    any claimer frees it: one child is not counted
 *   the process's end and the free  RUNNING, a dead pid          any claimer, by the system's books
 */
import type { AtomicOps } from './atomics.ts'
import { H_PROCESS_HINT, PROCESS_ENTRIES, PROCESS_ENTRY_BYTES, PROCESS_TABLE_OFFSET } from './layout.ts'

const CLAIMED = 1
const RUNNING = 2
const ENTRY_WORDS = PROCESS_ENTRY_BYTES / 4

export interface ProcessJudge {
  isThreadDead(id: number): boolean
  isProcessDead(pid: number, start: number): boolean
}

export class ProcessTable {
  private readonly ops: AtomicOps
  private readonly words: Int32Array
  private readonly base: number
  private readonly judge: ProcessJudge

  constructor(ops: AtomicOps, words: Int32Array, judge: ProcessJudge, base = PROCESS_TABLE_OFFSET / 4) {
    this.ops = ops
    this.words = words
    this.judge = judge
    this.base = base
  }

  /** Claims an entry for a child about to be started by thread `creator`; -1 when `limit` processes are alive. */
  claim(creator: number, limit: number): number {
    const count = Math.min(limit, PROCESS_ENTRIES)
    if (count <= 0) return -1
    const first = (this.ops.add(this.words, H_PROCESS_HINT, 1) >>> 0) % count
    const taken = (creator << 2) | CLAIMED
    for (let i = 0; i < count; i++) {
      const entry = (first + i) % count
      const at = this.base + entry * ENTRY_WORDS
      if (this.ops.compareExchange(this.words, at, 0, taken) === 0) return entry
    }
    // Only when none is free is it worth asking the system, once for each.
    for (let entry = 0; entry < count; entry++) {
      const at = this.base + entry * ENTRY_WORDS
      const seen = this.ops.load(this.words, at)
      if (this.isOver(entry, seen) && this.ops.compareExchange(this.words, at, seen, taken) === seen) return entry
    }
    return -1
  }

  /** The child runs. Called by its creator. */
  started(entry: number, pid: number, start: number): void {
    const at = this.base + entry * ENTRY_WORDS
    this.ops.store(this.words, at + 1, pid)
    this.ops.store(this.words, at + 2, start)
    const claimed = this.ops.load(this.words, at)
    // PUBLISH(T2): pid and start time.
    this.ops.store(this.words, at, (claimed & ~3) | RUNNING)
  }

  /** The child ended, or was never started. `pid` 0 for the latter. An entry that was given to another child is left alone. */
  release(entry: number, pid: number): void {
    const at = this.base + entry * ENTRY_WORDS
    const seen = this.ops.load(this.words, at)
    const isOurs = (seen & 3) === CLAIMED ? pid === 0 : this.ops.load(this.words, at + 1) === pid
    if (isOurs) this.ops.compareExchange(this.words, at, seen, 0)
  }

  /** The pids of children that are not known to have ended. */
  living(): number[] {
    const pids: number[] = []
    for (let entry = 0; entry < PROCESS_ENTRIES; entry++) {
      const at = this.base + entry * ENTRY_WORDS
      const seen = this.ops.load(this.words, at)
      // OBSERVE(T2)
      if ((seen & 3) === RUNNING && !this.isOver(entry, seen)) pids.push(this.ops.load(this.words, at + 1))
    }
    return pids
  }

  private isOver(entry: number, state: number): boolean {
    if (state === 0) return true
    if ((state & 3) === CLAIMED) return this.judge.isThreadDead(state >>> 2)
    const at = this.base + entry * ENTRY_WORDS
    return this.judge.isProcessDead(this.ops.load(this.words, at + 1), this.ops.load(this.words, at + 2))
  }
}
