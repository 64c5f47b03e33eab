/**
 * The lock under everything: one word that names its owner, a line of waiters beside it. Blocking; nobody waits for a
 * dead thread: its lock is taken over, and the taker is told (`abandoned`).
 *
 * A lock is never handed to a waiter: a waiter that was granted something and died, or left, would have to be repaired. A
 * release frees it, and at most *reserves* it for a moment, so that the first in line is not overtaken for ever.
 *
 * Layout v1 (int32 words)                                                     | writer            | reader
 *   0   OWNER     see below                                                   | takers, owner     | all
 *   1   RESERVED  when the reservation was made: milliseconds, low 32 bits    | owner             | takers
 *   2,3 spare
 *   4   Waiters (waiters.ts)
 *
 * OWNER         meaning                           taken by                            released by its owner
 *   0           free                              anyone: CAS → id (waiter: id | W)   -
 *   id          held, nobody waits                waiter: CAS → id | W, looks again   CAS → 0
 *   id | W      held, somebody waits              -                                   W or W | R, then wakes the first
 *   W           free, waiters                     anyone: CAS → id | W                - (nobody found: CAS → 0)
 *   W | R       free, reserved for a moment       the first waiter; after that        - (nobody found: CAS → 0)
 *                                                 anyone: CAS → id | W
 *   dead id, W  abandoned                         anyone: CAS → id | W, `abandoned`   -
 * An id is never used twice, so a CAS away from a dead one cannot hit a later owner.
 *
 * No wake-up is lost: a waiter stores its place in line, then reads OWNER; a releaser stores OWNER free, then reads the
 * line. One of the two sees the other. And no death: see Turn.look() for who watches whom.
 *
 * Death                                         leaves                      who repairs, how
 *   the owner                                   its id in OWNER             the first sync waiter, or an async one with
 *                                                                           no sync one ahead: both watch it; anyone who tries
 *   releaser, OWNER free, nobody woken          W or W | R                  the first waiter: it watches the releaser still
 *   releaser, before CAS W → 0                  W, nobody waits             nobody: the next taker takes it
 *   first waiter, woken, lock not taken         W or W | R, its place       its follower watches it, and looks
 *   taker, its place in line not cleared        its id in OWNER, its place  as a dead owner; the place is freed by a survey
 *   leaver (timeout, abort), nobody woken       W                           its follower watches it, and looks
 */
import { WAITS_ASYNC, WAITS_SYNC, type Agent, type WaitKind } from '../contracts/agent.ts'
import type { Thread } from '../contracts/thread.ts'
import type { WaitOptions } from '../arguments.ts'
import { MultiprocError } from '../errors/base.ts'
import { SpinBudget } from './spin.ts'
import { NO_SLOT, Waiters, WAITERS_BYTES } from './waiters.ts'
import { abortError, settle, settleSync, type PendingTurn, type Turn } from './turn.ts'

const OWNER = 0
const RESERVED = 1
const LINE = 4
export const MUTEX_BYTES = LINE * 4 + WAITERS_BYTES

/** Bit 31: somebody may wait, so the release must look. */
const W = 1 << 31
/** Bit 30: free, but for a moment only the first in line takes it. */
const R = 1 << 30
const ID = R - 1

/** Longer than a woken thread needs to get going, short enough not to be felt when a busy loop lets it lapse. */
const RESERVED_MS = 1
/** A first waiter that was overtaken for so long gets a reservation. Source: parking_lot, which is fair once in 0.5 ms. */
const PATIENCE_MS = 1
/** How often a waiter that found no place in line looks by itself: more than 64 threads wait for this lock. */
const OVERFLOW_MS = 20

export class Mutex {
  /** True if the last owner died while holding the lock that this thread got with its last acquire. */
  abandoned = false
  readonly #agent: Agent
  readonly #words: Int32Array
  readonly #base: number
  readonly #waiters: Waiters
  /** Async acquires of this thread, oldest first. Only the first stands in the shared line. */
  readonly #queue: QueuedTurn[] = []
  readonly #budget = new SpinBudget()

  constructor(agent: Agent, words: Int32Array, base: number) {
    this.#agent = agent
    this.#words = words
    this.#base = base
    this.#waiters = new Waiters(agent, words, base + LINE)
  }

  /** The id in the lock word: 0 if it is free; possibly that of a dead thread. */
  ownerId(): number {
    return this.#agent.ops.load(this.#words, this.#base + OWNER) & ID
  }

  /** True while this thread holds the lock. */
  get mine(): boolean {
    return this.ownerId() === this.#agent.id
  }

  /** True while no async acquire of this thread is pending: then `tryAcquire` overtakes none. */
  get isQueueEmpty(): boolean {
    return this.#queue.length === 0
  }

  tryAcquire(): boolean {
    const { ops, id } = this.#agent
    if (ops.compareExchange(this.#words, this.#base + OWNER, 0, id) === 0) {
      this.abandoned = false
      return true
    }
    return this.take(false, 0) === TAKEN
  }

  /** False once the deadline (on the clock of the agent, `Infinity` for none) passed: then nothing was taken. */
  acquireSync(deadlineMs: number): boolean {
    const { ops, id } = this.#agent
    if (ops.compareExchange(this.#words, this.#base + OWNER, 0, id) === 0) {
      this.abandoned = false
      return true
    }
    return this.#spin() || settleSync(this.#agent, this.enqueue(WAITS_SYNC), deadlineMs)
  }

  /**
   * Needs a `Thread` as agent. False after `timeout`; an abort rejects with `AbortError`. Either way nothing was taken.
   * Acquires of one thread get the lock in the order of their calls.
   */
  async acquire(options: WaitOptions = {}): Promise<boolean> {
    if (options.signal?.aborted) throw abortError(options.signal)
    if (this.isQueueEmpty && this.tryAcquire()) return true
    if (options.timeout === 0) return false
    return settle(this.#agent as Thread, new QueuedTurn(this.#queue, this.enqueue(WAITS_ASYNC)), options)
  }

  /** Throws ERR_MULTIPROC_NOT_OWNER if this thread does not hold the lock. */
  release(): void {
    const { ops, id } = this.#agent
    if (ops.compareExchange(this.#words, this.#base + OWNER, id, 0) === id) return
    this.#releaseSlow()
  }

  /** One wait for this lock. For model tests and for the waits of this file. */
  enqueue(kind: WaitKind): MutexTurn {
    return new MutexTurn(this, this.#agent, this.#waiters, kind)
  }

  /** Looks again for a moment while the owner runs on another core: it may be about to release. */
  #spin(): boolean {
    const thread = this.#agent as Agent & Partial<Thread>
    if (thread.runsElsewhere === undefined) return false
    const owner = this.ownerId()
    const rounds = this.#budget.next(owner !== 0 && owner !== thread.id && thread.runsElsewhere(owner))
    for (let i = 0; i < rounds; i++) {
      if (this.ownerId() !== 0 || !this.tryAcquire()) continue
      this.#budget.won()
      return true
    }
    if (rounds > 0) this.#budget.lost()
    return false
  }

  #releaseSlow(): void {
    const { ops, id } = this.#agent
    const words = this.#words
    const at = this.#base + OWNER
    if ((ops.load(words, at) & ID) !== id) {
      const owner = this.ownerId()
      throw new MultiprocError('ERR_MULTIPROC_NOT_OWNER', `\`lock.release()\` failed: ${owner === 0 ? 'nobody' : 'another thread'} holds this lock. Release it where it was acquired.`, {
        details: { owner, thread: id },
      })
    }
    const waiters = this.#waiters
    const next = waiters.survey().first(false)
    if (next !== undefined && (next.kind === WAITS_ASYNC || waiters.waitedMs(next) > PATIENCE_MS)) {
      ops.store(words, this.#base + RESERVED, Math.floor(this.#agent.nowMs()) | 0)
      // PUBLISH(M2): the lock is free, to OBSERVE(M2) in #take(): who waits by now is seen by the survey below.
      ops.store(words, at, W | R)
    } else {
      ops.store(words, at, W)
    }
    this.wakeFirst()
  }

  /** Wakes who is first now, after the lock was freed; if nobody waits, takes the bits away again. */
  wakeFirst(): void {
    const { ops } = this.#agent
    const waiters = this.#waiters.survey()
    const next = waiters.first(false)
    if (next !== undefined) return waiters.wake(next)
    if (waiters.line.length > 0 || waiters.joining.length > 0) return
    // A joiner stores its place before it reads OWNER, so it finds 0 as well as W.
    const word = ops.load(this.#words, this.#base + OWNER)
    if (word === W || word === (W | R)) ops.compareExchange(this.#words, this.#base + OWNER, word, 0)
  }

  /** If the lock is free, wakes the first in line. */
  wakeFirstIfFree(): void {
    const word = this.#agent.ops.load(this.#words, this.#base + OWNER)
    if ((word & ID) === 0 && word !== 0) this.wakeFirst()
  }

  /** Milliseconds that the reservation of a W | R word still holds. */
  reservedMs(): number {
    const since = this.#agent.ops.load(this.#words, this.#base + RESERVED)
    // Stamps are whole milliseconds: one more, so that it is never shorter than RESERVED_MS.
    const passed = (Math.floor(this.#agent.nowMs()) - since) | 0
    return passed < 0 ? 0 : Math.max(0, RESERVED_MS + 1 - passed)
  }

  /**
   * Tries to take the lock out of any state. `first`: it may be reserved for us; `waits`: W if the caller stands in line.
   * Returns TAKEN, or the word that forbids it.
   */
  take(first: boolean, waits: number): number {
    const { ops, id } = this.#agent
    const at = this.#base + OWNER
    for (;;) {
      // OBSERVE(M2)
      const word = ops.load(this.#words, at)
      const owner = word & ID
      const dead = owner !== 0 && owner !== id && this.#agent.isDead(owner)
      if (owner !== 0 && !dead) {
        if (waits === 0 || word & W) return word
        if (ops.compareExchange(this.#words, at, word, word | W) === word) return word | W
        continue
      }
      if (word & R && !first && this.reservedMs() > 0) return word
      // A word that was not 0 may have waiters: keep W, the release will look.
      const mine = word === 0 && waits === 0 ? id : id | W
      if (ops.compareExchange(this.#words, at, word, mine) === word) {
        this.abandoned = dead
        return TAKEN
      }
    }
  }
}

/** Never a lock word: R without W. */
const TAKEN = R

/** One waiter's way through the line. */
export class MutexTurn implements Turn {
  readonly watched: number[] = []
  untilMs = Infinity
  readonly #mutex: Mutex
  readonly #agent: Agent
  readonly #waiters: Waiters
  readonly #kind: WaitKind
  #slot = NO_SLOT

  constructor(mutex: Mutex, agent: Agent, waiters: Waiters, kind: WaitKind) {
    this.#mutex = mutex
    this.#agent = agent
    this.#waiters = waiters
    this.#kind = kind
  }

  /**
   * Takes the lock if it can, and leaves the line. Else `watched` and `untilMs` say what to sleep for.
   *
   * Who watches whom, so that a death wakes somebody who can go on, and not everybody: a sync waiter the nearest sync one
   * ahead, or if there is none the owner. An async one the same, and an async one directly ahead. Whoever leaves the line
   * without becoming what its followers take it for, the owner, wakes them, and they look again.
   */
  look(): boolean {
    const mutex = this.#mutex
    const waiters = this.#waiters
    if (this.#slot === NO_SLOT) this.#slot = waiters.join(this.#kind)
    for (;;) {
      const word = mutex.take(false, W)
      if (word === TAKEN) {
        this.#clear(true)
        return true
      }
      const owner = word & ID
      this.watched.length = 0
      this.untilMs = this.#slot === NO_SLOT ? this.#agent.nowMs() + OVERFLOW_MS : Infinity
      if (owner !== 0 && this.#slot === NO_SLOT) {
        if (owner !== this.#agent.id) this.watched.push(owner)
        return false
      }
      const front = waiters.survey().first(this.#kind === WAITS_SYNC)
      if (owner === 0) {
        // Free, and reserved for the one in front.
        if (front === undefined || front.slot === this.#slot) {
          if (mutex.take(true, W) !== TAKEN) continue
          this.#clear(true)
          return true
        }
        this.untilMs = this.#agent.nowMs() + mutex.reservedMs()
        if (front.id !== this.#agent.id) this.watched.push(front.id)
      }
      if (this.#slot === NO_SLOT) return false
      const cover = waiters.watchedBy(this.#slot, this.#kind, this.watched)
      if (cover === 'stale') continue
      if (cover === 'covered' || owner === 0) return false
      if (owner !== this.#agent.id) this.watched.push(owner)
      // The one ahead may have taken the lock and left the line between our two looks: then `owner` is a stale name, whose
      // death tells us nothing, and nobody would watch the new owner.
      if (mutex.ownerId() === owner) return false
    }
  }

  /** Nothing was taken, and nothing will be. */
  leave(): void {
    this.#clear(false)
  }

  /** This thread is about to block, and a release may have chosen this async waiter: lets the next one have it. */
  pass(): void {
    this.#mutex.wakeFirstIfFree()
  }

  #clear(taken: boolean): void {
    if (this.#slot === NO_SLOT) return
    const waiters = this.#waiters
    const state = waiters.stateOf(this.#slot)
    waiters.leave(this.#slot)
    this.#slot = NO_SLOT
    // Followers that watch us in place of the owner are right if we are the owner now and nobody stands between. Else they
    // look again: they watch somebody else, or have been first since, and we were woken in their place.
    waiters.survey()
    if (!taken || waiters.hasAhead(state)) waiters.wakeFollowers(state)
  }
}

/** A turn that first waits for the earlier ones of its own thread, so that all of them need one place in line. */
class QueuedTurn implements Turn {
  readonly #queue: QueuedTurn[]
  readonly #turn: Turn
  #pending: PendingTurn | undefined

  constructor(queue: QueuedTurn[], turn: Turn) {
    this.#queue = queue
    this.#turn = turn
    queue.push(this)
  }

  get watched(): readonly number[] {
    return this.#turn.watched
  }

  get untilMs(): number {
    return this.#turn.untilMs
  }

  attach(pending: PendingTurn): void {
    this.#pending = pending
  }

  look(): boolean {
    if (this.#queue[0] !== this || !this.#turn.look()) return false
    this.#leaveQueue()
    return true
  }

  leave(): void {
    this.#turn.leave()
    this.#leaveQueue()
  }

  pass(): void {
    if (this.#queue[0] === this) this.#turn.pass()
  }

  #leaveQueue(): void {
    const place = this.#queue.indexOf(this)
    if (place < 0) return
    this.#queue.splice(place, 1)
    const next = this.#queue[0]
    if (place === 0 && next !== undefined) next.#pending?.look()
  }
}
