/**
 * A number of parties that wait for each other. Blocking, by a Mutex (core mutex.ts) for the few steps of each change; what a
 * change is, is one store, so a death in the middle leaves it done or not done.
 *
 * Layout v1 (int32 words)                                                      | writer              | reader
 *   0       PHASE    see below                                                 | holder of the mutex | all
 *   1       PARTIES                                                            | creator             | all
 *   2, 3    spare
 *   4       Mutex, then Waiters (guarded-words.ts)
 *   ...     PARTIES entries WHO: thread id, 0 = free; filled in order, so an   | holder of the mutex | all
 *           entry's index is the party's. A thread may be several parties.
 *
 * PHASE      meaning                        legal next, by whom
 *   FILLING  parties come and wait          PASSED: the last one. RESET: reset() with parties there. BROKEN: abort(), a
 *                                           party that leaves, anyone who finds one dead
 *   PASSED   all were there: each goes,     FILLING: the last to clear its entry, or whoever wants to come next and finds
 *            and clears its entry           only entries that are clear or dead. BROKEN: abort()
 *   RESET    the same, but for each one     as PASSED
 *            that was there it is an error
 *   BROKEN   the same; nobody may come      RESET, or FILLING when nobody is there any more: reset()
 *
 * Death of                                    leaves                        who repairs, how
 *   a party in FILLING                        its WHO                       all are told, and whoever finds it: BROKEN
 *   a party in any other phase                its WHO, which does not count nobody need; FILLING clears it
 *   the last party, in its action             FILLING, all there, one dead  as a party in FILLING
 *   whoever changes PHASE, nobody woken       the new phase, others asleep  they are told, and look
 *   a leaver, BROKEN stored, WHO not          BROKEN, its WHO               reset()
 *   the last to clear, before FILLING         PASSED, nobody there          the next to come
 * Being told: each waiter watches all who have the barrier. Who comes to have it later wakes all (`joined`).
 */
import { waitAsync, waitSync, wakeAll, type Thread, type WaitOptions } from '@multiproc/core'
import { ENTRIES, GuardedWords } from './guarded-words.ts'

const PHASE = 0
const PARTIES = 1
const WHO = ENTRIES
export const barrierBytes = (parties: number): number => (WHO + parties) * 4
export const MOST_PARTIES = 1022

const FILLING = 0
const PASSED = 1
const RESET = 2
const BROKEN = 3

/** Before anybody else can see it. */
export function formatBarrier(words: Int32Array, base: number, parties: number): void {
  words[base + PARTIES] = parties
}

/** How a party's wait ends. */
export type Passage = 'passed' | 'broken'

export class BarrierWords extends GuardedWords {
  get parties(): number {
    return this.words[this.base + PARTIES]!
  }

  get isBroken(): boolean {
    const phase = this.load(PHASE)
    return phase === BROKEN || (phase === FILLING && this.#hasDead())
  }

  /** Parties that wait for others, at some moment during the call. */
  get waiting(): number {
    return this.load(PHASE) === FILLING ? this.#count((who) => !this.agent.isDead(who)) : 0
  }

  /** Becomes a party: its index, 'broken', or undefined once the deadline passed. */
  arriveSync(deadlineMs: number): number | 'broken' | undefined {
    return waitSync(this.agent, this.waiters, () => this.#arrive(), this.watched, deadlineMs)
  }

  /** Needs a `Thread` as agent. */
  arrive(options: WaitOptions): Promise<number | 'broken' | undefined> {
    return waitAsync(this.agent as Thread, this.waiters, () => this.#arrive(), this.watched, options)
  }

  /** The party in entry `index`, not the last: waits for the others. Then it has to `depart`. Undefined: out of time. */
  passSync(deadlineMs: number): Passage | undefined {
    return waitSync(this.agent, this.waiters, () => this.#look(), this.watched, deadlineMs)
  }

  /** Needs a `Thread` as agent. */
  pass(options: WaitOptions): Promise<Passage | undefined> {
    return waitAsync(this.agent as Thread, this.waiters, () => this.#look(), this.watched, options)
  }

  /** The last party, its action done: lets all go, unless the barrier was broken meanwhile. Then it has to `depart`. */
  open(): Passage {
    return this.exclusive(() => {
      if (this.load(PHASE) !== FILLING) return 'broken'
      this.#enter(this.#hasDead() ? BROKEN : PASSED)
      return this.load(PHASE) === PASSED ? 'passed' : 'broken'
    })
  }

  /** The party in entry `index` goes, for whatever reason: if it was still needed, it breaks the barrier. */
  depart(index: number): Passage {
    return this.exclusive(() => {
      const phase = this.load(PHASE)
      // First: dying between the two with the entry cleared would leave the others one party short, and not told.
      if (phase === FILLING) this.#enter(BROKEN)
      this.store(WHO + index, 0)
      this.#refill()
      return phase === PASSED ? 'passed' : 'broken'
    })
  }

  /** Those who wait get an error, and all is as new. */
  reset(): void {
    this.exclusive(() => {
      const phase = this.load(PHASE)
      if (phase === PASSED || phase === RESET) return
      this.#enter(RESET)
      this.#refill()
    })
  }

  /** Those who wait and those who come get an error, until `reset()`. */
  abort(): void {
    this.exclusive(() => this.#enter(BROKEN))
  }

  #arrive(): number | 'broken' | undefined {
    return this.exclusive(() => {
      this.#refill()
      const phase = this.load(PHASE)
      if (phase === FILLING && this.#hasDead()) this.#enter(BROKEN)
      else if (phase !== BROKEN) return phase === FILLING ? this.#take() : undefined
      return 'broken'
    })
  }

  /** Undefined: all are there already, and go in a moment. */
  #take(): number | undefined {
    for (let index = 0; index < this.parties; index++) {
      if (this.load(WHO + index) !== 0) continue
      this.store(WHO + index, this.agent.id)
      return index
    }
    return undefined
  }

  /** After everybody is gone: FILLING again. */
  #refill(): void {
    const phase = this.load(PHASE)
    if ((phase !== PASSED && phase !== RESET) || this.#count((who) => !this.agent.isDead(who)) > 0) return
    for (let index = 0; index < this.parties; index++) if (this.load(WHO + index) !== 0) this.store(WHO + index, 0)
    this.#enter(FILLING)
  }

  #look(): Passage | undefined {
    // OBSERVE(G1)
    const phase = this.load(PHASE)
    if (phase === PASSED) return 'passed'
    if (phase !== FILLING) return 'broken'
    if (!this.#hasDead()) return undefined
    return this.exclusive(() => {
      const now = this.load(PHASE)
      // All others may have gone through, and died, since we looked.
      if (now === FILLING && this.#hasDead()) this.#enter(BROKEN)
      return now === PASSED ? 'passed' : 'broken'
    })
  }

  #enter(phase: number): void {
    // PUBLISH(G1): to OBSERVE(G1) in #look(); who waits by now is woken.
    this.store(PHASE, phase)
    wakeAll(this.agent, this.waiters)
  }

  #hasDead(): boolean {
    return this.#count((who) => this.agent.isDead(who)) > 0
  }

  #count(counts: (who: number) => boolean): number {
    let count = 0
    for (let index = 0; index < this.parties; index++) {
      const who = this.load(WHO + index)
      if (who !== 0 && counts(who)) count++
    }
    return count
  }
}
