/**
 * Who waits for a condition, and which of them were notified. Each change is made by the holder of the user's lock and is
 * one store, so a death in the middle leaves it done or not done. Blocking: by that lock.
 *
 * Layout v1 (int32 words)                                                     | writer             | reader
 *   0       HIGH   entries in use are below; only grows                       | holder of the lock | all
 *   1       SEQ    the last number given to a waiter                          | holder of the lock | the same
 *   2, 3    spare
 *   4 + 2i  STATE  of entry i, see below                                      | holder of the lock | all
 *   5 + 2i  WHO    thread id << 2 | kind (1 sync, 2 async)                    | holder of the lock | all
 *
 * STATE            meaning    set by                             legal next
 *   0              free       its waiter; anyone, once that      waiting
 *                             is dead and not notified
 *   seq << 2 | 1   waiting    its waiter, after WHO              notified, free
 *   seq << 2 | 2   notified   a notifier                         free: its waiter, awake and holding the lock; anyone who
 *                                                                moved the mark on, once its waiter is dead
 *
 * A mark that nobody can use any more is moved on: to the oldest living waiter first, then the old one is cleared. A death
 * between the two notifies one more than asked for; none is ever lost.
 *
 * Death of                                leaves                         who repairs, how
 *   a waiter                              waiting, dead                  the next to need an entry
 *   a notified waiter, lock not regained  notified, dead                 all waiters are told, the oldest regains the lock
 *                                                                        and moves the mark on; so does every notifier
 *   a notifier, marked, nobody woken      notified, asleep               they are told, and look
 *   whoever moves a mark                  two marks for one              nobody: one wakes for nothing
 * Being told: each waiter watches all who have the condition. Who comes to have it later wakes all before anything else
 * (`joined`), so they watch it, too.
 */
import { WAITS_ASYNC, type Agent, type Turn, type WaitKind } from '@multiproc/core'

const HIGH = 0
const SEQ = 1
const ENTRIES = 4
/** Waits at a time, of threads and tasks. */
export const CONDITION_WAITS = 1022
export const CONDITION_BYTES = (ENTRIES + CONDITION_WAITS * 2) * 4

const WAITING = 1
const NOTIFIED = 2
/** With the state's two bits a whole word: differences order waiters, wrapped. */
const SEQ_MASK = 0x3fff_ffff

interface Waiter {
  readonly entry: number
  readonly state: number
  readonly id: number
  readonly kind: WaitKind
}

export class ConditionWords {
  readonly #agent: Agent
  readonly #words: Int32Array
  readonly #base: number
  /** All who could notify. */
  readonly #notifiers: () => readonly number[]

  constructor(agent: Agent, words: Int32Array, base: number, notifiers: () => readonly number[]) {
    this.#agent = agent
    this.#words = words
    this.#base = base
    this.#notifiers = notifiers
  }

  /** With the lock held: stands in line from now on. Returns the entry, -1 if there is none left. */
  enter(kind: WaitKind): number {
    this.repair()
    for (let entry = 0; entry < CONDITION_WAITS; entry++) {
      const state = entry < this.#load(HIGH) ? this.#state(entry) : 0
      // The dead and notified were repaired; one that died since then keeps its mark for the next who looks.
      if (state !== 0 && ((state & 3) === NOTIFIED || !this.#agent.isDead(this.#load(whoOf(entry)) >>> 2))) continue
      if (state !== 0) this.#store(stateOf(entry), 0)
      const seq = (this.#load(SEQ) + 1) & SEQ_MASK
      this.#store(SEQ, seq)
      this.#store(whoOf(entry), (this.#agent.id << 2) | kind)
      if (entry >= this.#load(HIGH)) this.#store(HIGH, entry + 1)
      // PUBLISH(C1): WHO, to OBSERVE(C1) in #state().
      this.#store(stateOf(entry), (seq << 2) | WAITING)
      return entry
    }
    return -1
  }

  /**
   * With the lock regained: whether its waiter was notified, out of the line then; undefined: he had only to move the mark of
   * a dead one, and waits on. Who failed has no use for a mark, and passes it on.
   */
  regained(entry: number, why: 'woken' | 'late' | 'failed'): boolean | undefined {
    this.repair()
    const notified = this.#isNotified(entry)
    if (!notified && why === 'woken') return undefined
    if (notified && why === 'failed') this.#mark(1)
    this.#store(stateOf(entry), 0)
    return notified && why !== 'failed'
  }

  /** With the lock held: marks the `count` oldest living waiters and wakes them. Returns how many there were. */
  notify(count: number): number {
    this.repair()
    return this.#mark(count)
  }

  /** With the lock held: gives the marks of the dead to the living. */
  repair(): void {
    for (const { entry, id } of this.#line(NOTIFIED)) {
      if (!this.#agent.isDead(id)) continue
      this.#mark(1)
      this.#store(stateOf(entry), 0)
    }
  }

  /** One sleep of the waiter in `entry`: ends when it was notified, or has to move the mark of a dead one. */
  turn(entry: number): Turn {
    return new EntryTurn(this, this.#agent, entry, this.#notifiers)
  }

  /** Whether the waiter in `entry` has to regain the lock. */
  isCalled(entry: number): boolean {
    if (this.#isNotified(entry)) return true
    if (!this.#line(NOTIFIED).some(({ id }) => this.#agent.isDead(id))) return false
    return this.#line(WAITING).find(({ id }) => !this.#agent.isDead(id))?.entry === entry
  }

  /** Somebody new has the condition: waiters must watch it. */
  joined(): void {
    for (const state of [WAITING, NOTIFIED]) for (const { id, kind } of this.#line(state)) this.#agent.wake(id, kind)
  }

  #isNotified(entry: number): boolean {
    return (this.#state(entry) & 3) === NOTIFIED
  }

  #mark(count: number): number {
    let marked = 0
    // Async waiters of threads that block now come last: those could be waiting for whom they keep from waking.
    for (const parked of [false, true]) {
      for (const { entry, state, id, kind } of marked < count ? this.#line(WAITING) : []) {
        if (marked === count) break
        if ((kind === WAITS_ASYNC && this.#agent.isParked(id)) !== parked) continue
        if (this.#agent.isDead(id)) continue
        // PUBLISH(C2): notified, to OBSERVE(C2) in #state().
        this.#store(stateOf(entry), (state & ~3) | NOTIFIED)
        // Dead since we looked: the others may have been told before there was a mark to move.
        if (this.#agent.isDead(id)) {
          this.#store(stateOf(entry), 0)
          continue
        }
        this.#agent.wake(id, kind)
        marked++
      }
    }
    return marked
  }

  /** The entries in one state, oldest first. */
  #line(wanted: number): Waiter[] {
    const line: Waiter[] = []
    const high = this.#load(HIGH)
    for (let entry = 0; entry < high; entry++) {
      const state = this.#state(entry)
      if ((state & 3) !== wanted) continue
      const who = this.#load(whoOf(entry))
      // Another one's by now, unless the lock is held: then the state of its time would be wrong.
      if (this.#state(entry) === state) line.push({ entry, state, id: who >>> 2, kind: (who & 3) as WaitKind })
    }
    return line.sort((a, b) => (a.state - b.state) | 0)
  }

  #state(entry: number): number {
    // OBSERVE(C1) of the entry's WHO.
    // OBSERVE(C2) of a mark.
    return this.#load(stateOf(entry))
  }

  #load(word: number): number {
    return this.#agent.ops.load(this.#words, this.#base + word)
  }

  #store(word: number, value: number): void {
    this.#agent.ops.store(this.#words, this.#base + word, value)
  }
}

const stateOf = (entry: number): number => ENTRIES + entry * 2
const whoOf = (entry: number): number => ENTRIES + entry * 2 + 1

/** Takes and gives nothing: entering and leaving the line needs the lock, so the caller does it. */
class EntryTurn implements Turn {
  readonly watched: number[] = []
  readonly untilMs = Infinity
  readonly #condition: ConditionWords
  readonly #agent: Agent
  readonly #entry: number
  readonly #notifiers: () => readonly number[]

  constructor(condition: ConditionWords, agent: Agent, entry: number, notifiers: () => readonly number[]) {
    this.#condition = condition
    this.#agent = agent
    this.#entry = entry
    this.#notifiers = notifiers
  }

  look(): boolean {
    this.watched.length = 0
    this.#watch()
    if (this.#condition.isCalled(this.#entry)) return true
    // Who came to have the condition during the look.
    this.#watch()
    return false
  }

  leave(): void {}

  pass(): void {}

  #watch(): void {
    for (const id of this.#notifiers()) if (id !== this.#agent.id && !this.watched.includes(id)) this.watched.push(id)
  }
}
