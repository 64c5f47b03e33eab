/**
 * Who waits for one thing, in the order they came: a table of slots, no links, so that a death between any two steps
 * tears nothing. Lock-free: every loop here ends unless another thread went on.
 *
 * Layout v1 (int32 words)                                                   | writer     | reader
 *   0       HIGH    slots that may be in use: only grows                    | joiners    | all
 *   1       TICKETS the last ticket given out                               | joiners    | joiners
 *   2, 3    spare
 *   4 + 3i  STATE   of slot i, see below                                    | its waiter | all
 *   5 + 3i  WHO     thread id << 2 | kind (1 sync, 2 async)                 | its waiter | all
 *   6 + 3i  SINCE   when it came: milliseconds, low 32 bits                 | its waiter | releasers
 *
 * STATE               meaning    set by                               legal next
 *   0                 free       its waiter; anyone, if that is dead  joining
 *   id << 2 | 1       joining    a thread that found it free (CAS)    waiting, free
 *   ticket << 2 | 2   waiting    its waiter, WHO and SINCE written    free
 * A joining state names its thread, and a ticket is given out once, so a CAS on either can not hit a later one.
 *
 * Death                            leaves                     who repairs, how
 *   between HIGH and the CAS       a HIGH that is too high    nobody: a free slot more is looked at
 *   joining                        id << 2 | 1                any survey: frees the slot
 *   waiting                        ticket << 2 | 2            any survey: frees the slot
 *   waiting, chosen and woken      the same                   those who watch it (see `watchedBy`) are told, and look
 */
import { WAITS_SYNC, type Agent, type WaitKind } from '../contracts/agent.ts'

/** At most so many waiters have a place in line; more wait without one (`NO_SLOT`). */
export const WAITER_SLOTS = 64
const HIGH = 0
const TICKETS = 1
const SLOTS = 4
const SLOT_WORDS = 3
export const WAITERS_BYTES = (SLOTS + WAITER_SLOTS * SLOT_WORDS) * 4

export const NO_SLOT = -1
const JOINING = 1
const WAITING = 2

/** A waiter as a survey found it: alive, with its place in line. */
export interface Waiting {
  readonly slot: number
  /** STATE: {ticket, WAITING}. Differences order it, wrapped: there are never 2^29 tickets in one line. */
  readonly state: number
  readonly id: number
  readonly kind: WaitKind
}

/**
 * `covered`: a sync waiter ahead will be told of what happens, and this one watches him. `alone`: there is none, so this
 * one must watch for itself. `stale`: the line moved during the survey, look again.
 */
export type Cover = 'covered' | 'alone' | 'stale'

export class Waiters {
  readonly #agent: Agent
  readonly #words: Int32Array
  readonly #base: number
  /** The line of the last survey, oldest first. Valid until the next one. */
  readonly line: Waiting[] = []
  /** Who was joining at the last survey: anybody's place, also in front. */
  readonly joining: number[] = []

  constructor(agent: Agent, words: Int32Array, base: number) {
    this.#agent = agent
    this.#words = words
    this.#base = base
  }

  /** Takes a place at the end of the line; `NO_SLOT` when all are taken. From now on releasers see this thread. */
  join(kind: WaitKind): number {
    const { ops, id } = this.#agent
    const words = this.#words
    const base = this.#base
    for (let slot = 0; slot < WAITER_SLOTS; slot++) {
      const at = this.#at(slot)
      if (ops.load(words, at) !== 0) continue
      // Before the CAS: a waiter above HIGH would be seen by nobody.
      for (let high = ops.load(words, base + HIGH); high <= slot; high = ops.load(words, base + HIGH)) {
        ops.compareExchange(words, base + HIGH, high, slot + 1)
      }
      if (ops.compareExchange(words, at, 0, (id << 2) | JOINING) !== 0) continue
      ops.store(words, at + 1, (id << 2) | kind)
      ops.store(words, at + 2, Math.floor(this.#agent.nowMs()) | 0)
      const ticket = ops.add(words, base + TICKETS, 1) + 1
      // PUBLISH(M1): WHO and SINCE, and that this thread waits, to OBSERVE(M1) in survey().
      ops.store(words, at, (ticket << 2) | WAITING)
      return slot
    }
    return NO_SLOT
  }

  leave(slot: number): void {
    this.#agent.ops.store(this.#words, this.#at(slot), 0)
  }

  /** True while nobody can have joined yet, in one load. */
  get untouched(): boolean {
    return this.#agent.ops.load(this.#words, this.#base + HIGH) === 0
  }

  /** Milliseconds since that waiter came. */
  waitedMs(waiting: Waiting): number {
    const since = this.#agent.ops.load(this.#words, this.#at(waiting.slot) + 2)
    return (Math.floor(this.#agent.nowMs()) - since) | 0
  }

  /** Looks at all slots once: fills `line` and `joining`, and frees the slots of the dead. */
  survey(): this {
    const { ops } = this.#agent
    const words = this.#words
    const high = ops.load(words, this.#base + HIGH)
    this.line.length = 0
    this.joining.length = 0
    for (let slot = 0; slot < high; slot++) {
      const at = this.#at(slot)
      for (;;) {
        // OBSERVE(M1)
        const state = ops.load(words, at)
        if (state === 0) break
        if ((state & 3) === JOINING) {
          const id = state >>> 2
          if (!this.#agent.isDead(id)) this.joining.push(id)
          else if (ops.compareExchange(words, at, state, 0) !== state) continue
          break
        }
        const who = ops.load(words, at + 1)
        // Another state: WHO may be that of a later waiter.
        if (ops.load(words, at) !== state) continue
        const id = who >>> 2
        if (!this.#agent.isDead(id)) this.line.push({ slot, state, id, kind: (who & 3) as WaitKind })
        else if (ops.compareExchange(words, at, state, 0) !== state) continue
        break
      }
    }
    if (this.line.length > 1) this.line.sort((a, b) => (a.state - b.state) | 0)
    return this
  }

  /**
   * The first of the surveyed line whom a wake-up reaches: async waiters of threads that block now are passed over, since
   * their event loops cannot run. So are, for `notMine`, the async waiters of this thread, which is about to block.
   */
  first(notMine: boolean): Waiting | undefined {
    for (const waiting of this.line) {
      if (waiting.kind === WAITS_SYNC) return waiting
      if (notMine && waiting.id === this.#agent.id) continue
      if (!this.#agent.isParked(waiting.id)) return waiting
    }
    return undefined
  }

  /** Wakes `first`; if that is a loop, which may be busy, also somebody who can take its place. */
  wake(first: Waiting): void {
    this.#agent.wake(first.id, first.kind)
    if (first.kind === WAITS_SYNC) return
    const second =
      this.line.find(({ kind }) => kind === WAITS_SYNC) ??
      this.line.find((waiting) => waiting !== first && waiting.id !== first.id && !this.#agent.isParked(waiting.id))
    if (second !== undefined) this.#agent.wake(second.id, second.kind)
  }

  /**
   * Adds to `watched` whose death must wake the waiter in `slot`, beside what it waits for: the nearest sync waiter ahead
   * (it is woken before this one), for async ones also an async one that stands nearer, and whoever is joining, since he
   * may turn out to stand in front.
   *
   * A survey is not one moment: it may have seen the one ahead before he left, and then the next ones after they left, too,
   * so that he seems to be the nearest, while who really was is the owner now, or dead. So he is looked at once more, after
   * all others were: if he still waits, there was a moment at which he was the nearest, and from then on he tells us.
   */
  watchedBy(slot: number, kind: WaitKind, watched: number[]): Cover {
    const me = this.#agent.id
    let cover: Cover = 'alone'
    for (let i = this.#placeOf(slot) - 1, nearest = true; i >= 0 && cover === 'alone'; i--, nearest = false) {
      const ahead = this.line[i]!
      if (ahead.kind === WAITS_SYNC) cover = 'covered'
      else if (!nearest || kind === WAITS_SYNC) continue
      if (this.stateOf(ahead.slot) !== ahead.state) return 'stale'
      if (ahead.id !== me) watched.push(ahead.id)
    }
    for (const id of this.joining) if (id !== me) watched.push(id)
    return cover
  }

  /**
   * Wakes those who may watch the thread of a slot that is free again, because it stood ahead of them: the async waiters
   * behind it up to the next sync one, and that. `state` was the slot's state.
   */
  wakeFollowers(state: number): void {
    for (const waiting of this.line) {
      if (((waiting.state - state) | 0) <= 0) continue
      this.#agent.wake(waiting.id, waiting.kind)
      if (waiting.kind === WAITS_SYNC) return
    }
  }

  stateOf(slot: number): number {
    return this.#agent.ops.load(this.#words, this.#at(slot))
  }

  /** True if the surveyed line holds somebody ahead of `state`. */
  hasAhead(state: number): boolean {
    const front = this.line[0]
    return front !== undefined && ((front.state - state) | 0) < 0
  }

  #placeOf(slot: number): number {
    const place = this.line.findIndex((waiting) => waiting.slot === slot)
    return place < 0 ? this.line.length : place
  }

  #at(slot: number): number {
    return this.#base + SLOTS + slot * SLOT_WORDS
  }
}
