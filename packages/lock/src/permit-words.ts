/**
 * Permits: how many are left, and which threads hold some that return when they die. Blocking, by a Mutex (core mutex.ts)
 * for the few steps of each change; what a change is, is one store, so a death in the middle leaves it done or not done.
 *
 * Layout v1 (int32 words)                                                         | writer              | reader
 *   0       VALUE   permits not taken for good: owned ones still count in here    | holder of the mutex | all
 *   1       LIMIT   most that VALUE may be; 0: any                                | creator             | all
 *   2       HIGH    entries in use are below; only grows                          | holder of the mutex | all
 *   3       spare
 *   4       Mutex, then Waiters (guarded-words.ts)
 *   ...     254 entries {WHO, COUNT}: thread id, 0 = free; its owned permits      | holder of the mutex | all
 *
 * Permits left = VALUE - the COUNTs of living threads. So those of the dead are back without anybody's doing.
 *
 * Change                   is the one store of
 *   bare acquire, release  VALUE - 1, VALUE + 1
 *   first owned permit     WHO (COUNT = 1 before it; WHO was 0 or dead)
 *   further, given back    COUNT ± 1 (a COUNT of 0 holds nothing)
 *
 * Death of                                  leaves                     who repairs, how
 *   an owner                                its entry, not counted     waiters watch all holders, and look; the entry is reused
 *   a releaser between the store and wake   a permit, waiters asleep   the same
 *   whoever changes, in the mutex           the mutex, all whole       the next to take it
 */
import {
  ConditionTurn, HOLDERS_ENTRIES, MultiprocError, waitAsync, waitSync, wakeFirst,
  type Thread, type Turn, type WaitKind, type WaitOptions,
} from '@multiproc/core'
import { ENTRIES, GuardedWords } from './guarded-words.ts'

const VALUE = 0
const LIMIT = 1
const HIGH = 2
const OWNERS = ENTRIES
export const PERMITS_BYTES = (OWNERS + HOLDERS_ENTRIES * 2) * 4

/** Before anybody else can see it. */
export function formatPermits(words: Int32Array, base: number, value: number, limit: number): void {
  words[base + VALUE] = value
  words[base + LIMIT] = limit
}

export class PermitWords extends GuardedWords {
  get limit(): number {
    return this.words[this.base + LIMIT]!
  }

  /** Permits left, at some moment during the call. */
  left(): number {
    let owned = 0
    const high = this.load(HIGH)
    for (let entry = 0; entry < high; entry++) {
      const who = this.load(OWNERS + entry * 2)
      if (who === 0 || this.agent.isDead(who)) continue
      owned += this.load(OWNERS + entry * 2 + 1)
    }
    return Math.max(0, this.load(VALUE) - owned)
  }

  /** Takes one if there is one. */
  take(owned: boolean): true | undefined {
    // Without the mutex first: many may look in vain.
    if (this.left() === 0) return undefined
    return this.exclusive(() => {
      if (this.left() === 0) return undefined
      if (owned) this.#own()
      else this.store(VALUE, this.load(VALUE) - 1)
      return true
    })
  }

  takeSync(owned: boolean, deadlineMs: number): boolean {
    return waitSync(this.agent, this.waiters, () => this.take(owned), this.watched, deadlineMs) === true
  }

  /** Needs a `Thread` as agent. */
  async takeAsync(owned: boolean, options: WaitOptions): Promise<boolean> {
    return (await waitAsync(this.agent as Thread, this.waiters, () => this.take(owned), this.watched, options)) === true
  }

  /** Ready while there is a permit, and takes none. */
  turn(kind: WaitKind): Turn {
    return new ConditionTurn(this.agent, this.waiters, kind, () => this.left() > 0 || undefined, this.watched)
  }

  /** Gives a bare permit back, or a new one. False, and nothing changed, if that were more than the limit. */
  give(): boolean {
    const given = this.exclusive(() => {
      const value = this.load(VALUE)
      if (this.limit !== 0 && value >= this.limit) return false
      this.store(VALUE, value + 1)
      return true
    })
    if (given) wakeFirst(this.agent, this.waiters)
    return given
  }

  /** Gives one back that this thread owns; false if it owns none. */
  giveOwned(): boolean {
    const given = this.exclusive(() => {
      const entry = this.#mine()
      const count = entry < 0 ? 0 : this.load(OWNERS + entry * 2 + 1)
      if (count === 0) return false
      this.store(OWNERS + entry * 2 + 1, count - 1)
      return true
    })
    if (given) wakeFirst(this.agent, this.waiters)
    return given
  }

  #own(): void {
    const mine = this.#mine()
    if (mine >= 0) return this.store(OWNERS + mine * 2 + 1, this.load(OWNERS + mine * 2 + 1) + 1)
    for (let entry = 0; entry < HOLDERS_ENTRIES; entry++) {
      const who = this.load(OWNERS + entry * 2)
      if (who !== 0 && !this.agent.isDead(who)) continue
      // Its COUNT is nobody's until WHO is written: first for a free entry, whose WHO is 0, and for a dead one alike.
      this.store(OWNERS + entry * 2 + 1, 1)
      if (entry >= this.load(HIGH)) this.store(HIGH, entry + 1)
      this.store(OWNERS + entry * 2, this.agent.id)
      return
    }
    throw new MultiprocError('ERR_MULTIPROC_NO_MEMORY', `semaphore.acquire() failed: ${HOLDERS_ENTRIES} threads own permits of this semaphore. Acquire without \`owned\`.`, {
      details: { limit: HOLDERS_ENTRIES },
    })
  }

  #mine(): number {
    const high = this.load(HIGH)
    for (let entry = 0; entry < high; entry++) if (this.load(OWNERS + entry * 2) === this.agent.id) return entry
    return -1
  }
}
