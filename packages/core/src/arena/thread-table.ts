/**
 * The living threads of a family: one slot each, one cache line each. Claiming is lock-free, judging a death is two loads.
 *
 * An owner id is generation (15 bits) << 12 | slot (12 bits): 27 bits, never 0. A slot may be claimed again at once,
 * because an id with another generation names a dead thread; so nothing is ever swept. A slot whose generations are used
 * up is retired: no id comes back, ever.
 *
 * Layout v1 (words of a slot)                                            | writer        | reader
 *   0  TID       0 never used; tid | CLAIMING; tid; RETIRED               | claimer       | claimers
 *   1  PID, 2 START (of the thread)                                       | owner         | ringers, watchers, doctor
 *   3  PARK      TOKEN 1, STOP 2, SLEEP 4                                 | owner, wakers | owner
 *   4  LIFE      tid | WATCHED; WATCHED | OWNER_DIED once dead            | owner, kernel | everyone
 *   5  FLAGS     PARKED 1: blocked in a synchronous wait                  | owner         | releasers
 *   6  GEN       generation of the last claim                             | claimer       | everyone
 *   7  BELL      sequence << 1 | rung                                     | owner, ringers| ringers
 *   8  BELLFD    name of the doorbell pipe, 0 until it is open; 9 BELLINO | owner         | ringers
 *   10 PIPEFD    name of the life pipe, 0 until it is open; 11 PIPEINO    | owner         | watchers
 *   12 CPU       where it ran when it last looked, + 1; 0 unknown         | owner         | spinners
 *
 * TID            set by              legal next
 *   0            –                   tid | CLAIMING
 *   CLAIMING     claimer (CAS)       tid (claimed), RETIRED, another's CLAIMING (its claimer is dead by the system's books)
 *   tid          claimer             another's tid | CLAIMING, once LIFE says dead
 *   RETIRED      claimer             –
 *
 * Death of the claimer between            leaves                    who repairs, how
 *   CAS on TID and the store of GEN       CLAIMING, LIFE as it was  the next claimer that comes by asks the system
 *   GEN and LIFE                          old id dead twice over    same
 *   LIFE (guarded before) and TID         LIFE marked by the kernel same
 */
import type { AtomicOps } from './atomics.ts'
import { LIFE_WATCHED, OWNER_DIED } from '../os/contract.ts'
import { H_THREAD_HINT, THREAD_SLOTS, THREAD_SLOT_BYTES, THREAD_TABLE_OFFSET } from './layout.ts'

export const T_TID = 0
export const T_PID = 1
export const T_START = 2
export const T_PARK = 3
export const T_LIFE = 4
export const T_FLAGS = 5
export const T_GEN = 6
export const T_BELL = 7
export const T_BELL_NUMBER = 8
export const T_BELL_INODE = 9
export const T_PIPE_NUMBER = 10
export const T_PIPE_INODE = 11
export const T_CPU = 12

export const PARKED = 1

const CLAIMING = 0x4000_0000
const RETIRED = 0x2000_0000
const SLOT_BITS = 12
const SLOT_MASK = THREAD_SLOTS - 1
const LAST_GENERATION = 0x7fff
const SLOT_WORDS = THREAD_SLOT_BYTES / 4

/** What claiming needs of the system. */
export interface Claimer {
  readonly tid: number
  readonly pid: number
  readonly start: number
  /** Arranges that this word is marked when this thread ends. */
  guardLife(lifeIndex: number): void
  isTaskDead(tid: number): boolean
  wakeAll(lifeIndex: number): void
}

export class ThreadTable {
  readonly ops: AtomicOps
  readonly words: Int32Array
  /** Word index of slot 0. */
  readonly base: number
  private readonly slotCount: number
  private readonly hint: number

  /** `base`, `hint` and `slotCount` are those of chunk 0; tests use smaller tables. */
  constructor(ops: AtomicOps, words: Int32Array, base = THREAD_TABLE_OFFSET / 4, hint = H_THREAD_HINT, slotCount = THREAD_SLOTS) {
    this.ops = ops
    this.words = words
    this.base = base
    this.hint = hint
    this.slotCount = slotCount
  }

  /** Word index of a field in the slot of `id`. */
  at(id: number, field: number): number {
    return this.base + (id & SLOT_MASK) * SLOT_WORDS + field
  }

  /** True once the thread can never run again. LIFE is read first: a claimer writes GEN before it. */
  isDead(id: number): boolean {
    // OBSERVE(T1): alive by LIFE means that GEN is at least that of the thread it speaks of.
    if ((this.ops.load(this.words, this.at(id, T_LIFE)) & OWNER_DIED) !== 0) return true
    return this.ops.load(this.words, this.at(id, T_GEN)) !== id >>> SLOT_BITS
  }

  isParked(id: number): boolean {
    return (this.ops.load(this.words, this.at(id, T_FLAGS)) & PARKED) !== 0
  }

  /** Takes a free slot, or that of a dead thread, and returns this thread's id; 0 when there is none. */
  claim(claimer: Claimer): number {
    // Slots are taken in turn, so an id is not followed by its slot's next generation at once.
    const first = (this.ops.add(this.words, this.hint, 1) >>> 0) % (this.slotCount - 1)
    for (let i = 0; i < this.slotCount - 1; i++) {
      const slot = 1 + ((first + i) % (this.slotCount - 1))
      if (!this.claimTid(slot, claimer)) continue
      const id = this.enter(slot, claimer)
      if (id !== 0) return id
    }
    return 0
  }

  /** For backends whose system marks nothing: whoever found the thread dead says so. */
  markDead(id: number): void {
    const life = this.at(id, T_LIFE)
    const seen = this.ops.load(this.words, life)
    // A claimer that came first has another tid in it, or marked LIFE means that somebody else was here.
    if (!this.isDead(id)) this.ops.compareExchange(this.words, life, seen, LIFE_WATCHED | OWNER_DIED)
  }

  /** The ids of all living threads, for tools and for what a process does at its end. */
  living(): number[] {
    const ids: number[] = []
    for (let slot = 1; slot < this.slotCount; slot++) {
      const tid = this.ops.load(this.words, this.at(slot, T_TID))
      if (tid === 0 || (tid & (CLAIMING | RETIRED)) !== 0) continue
      const id = (this.ops.load(this.words, this.at(slot, T_GEN)) << SLOT_BITS) | slot
      if (!this.isDead(id)) ids.push(id)
    }
    return ids
  }

  /** TID alone decides who may write to a slot: LIFE is dead for two claimers at once. */
  private claimTid(slot: number, claimer: Claimer): boolean {
    const { ops, words } = this
    const tidAt = this.at(slot, T_TID)
    const seen = ops.load(words, tidAt)
    if ((seen & RETIRED) !== 0) return false
    if ((seen & CLAIMING) !== 0) {
      if (!claimer.isTaskDead(seen & ~CLAIMING)) return false
    } else if (seen !== 0 && (ops.load(words, this.at(slot, T_LIFE)) & OWNER_DIED) === 0) {
      return false
    }
    if (ops.compareExchange(words, tidAt, seen, claimer.tid | CLAIMING) !== seen) return false
    if (seen !== 0 && (seen & CLAIMING) === 0 && (ops.load(words, this.at(slot, T_LIFE)) & OWNER_DIED) === 0) {
      // Claimed meanwhile by a thread that got the tid of the dead one; it lives and does not look at TID.
      ops.store(words, tidAt, seen)
      return false
    }
    return true
  }

  private enter(slot: number, claimer: Claimer): number {
    const { ops, words } = this
    const generation = ops.load(words, this.at(slot, T_GEN)) + 1
    if (generation > LAST_GENERATION) {
      ops.store(words, this.at(slot, T_TID), RETIRED)
      return 0
    }
    ops.store(words, this.at(slot, T_GEN), generation)
    ops.store(words, this.at(slot, T_PID), claimer.pid)
    ops.store(words, this.at(slot, T_START), claimer.start)
    for (const field of [T_PARK, T_FLAGS, T_BELL, T_BELL_NUMBER, T_BELL_INODE, T_PIPE_NUMBER, T_PIPE_INODE, T_CPU]) {
      ops.store(words, this.at(slot, field), 0)
    }
    // Guarded before it looks alive: dying in between leaves a marked word, never one that stays alive.
    claimer.guardLife(this.at(slot, T_LIFE))
    // PUBLISH(T1): the generation, and the slot's cleared words.
    ops.store(words, this.at(slot, T_LIFE), claimer.tid | LIFE_WATCHED)
    ops.store(words, this.at(slot, T_TID), claimer.tid)
    // Whoever still sleeps on the word watches a thread of an older generation, and finds it dead.
    claimer.wakeAll(this.at(slot, T_LIFE))
    return (generation << SLOT_BITS) | slot
  }
}
