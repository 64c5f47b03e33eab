/**
 * Waiting for a condition that is no lock: a record in a ring, a permit, an event. Whoever makes the condition true changes
 * the words first and wakes then; whoever waits takes his place in line first and looks then. So one of them sees the other.
 *
 * A wake-up is only a hint: `look` decides, and takes what it finds. Who leaves the line, content or not, passes the wake-up
 * on to the first that is left, since two changes may have woken him twice; the chain ends at the first who finds nothing.
 * Each waiter watches the nearest one ahead (see `Waiters.watchedBy`), so a woken one that dies is replaced.
 */
import type { WaitOptions } from '../arguments.ts'
import { WAITS_ASYNC, WAITS_SYNC, type Agent, type WaitKind } from '../contracts/agent.ts'
import type { Thread } from '../contracts/thread.ts'
import { abortError, settle, settleSync, type Turn } from './turn.ts'
import { NO_SLOT, type Waiters } from './waiters.ts'

/** How often a waiter that found no place in line looks by itself: more than 64 wait for this. */
const OVERFLOW_MS = 20

const nobody = (): readonly number[] => []

/**
 * Blocks until `look` returns something other than undefined, and returns that; undefined once the deadline passed.
 *
 * @param watch - the threads whose death can make `look` succeed. Asked before and after each look in vain.
 */
export function waitSync<T>(agent: Agent, waiters: Waiters, look: () => T | undefined, watch: () => readonly number[] = nobody, deadlineMs = Infinity): T | undefined {
  const found = look()
  if (found !== undefined) return found
  if (deadlineMs !== Infinity && agent.nowMs() >= deadlineMs) return undefined
  const turn = new ConditionTurn(agent, waiters, WAITS_SYNC, look, watch)
  return settleSync(agent, turn, deadlineMs) ? turn.found : undefined
}

/** Resolves with what `look` returned, with undefined after `timeout`; rejects with `AbortError`, and with what `look` throws. */
export async function waitAsync<T>(thread: Thread, waiters: Waiters, look: () => T | undefined, watch: () => readonly number[] = nobody, options: WaitOptions = {}): Promise<T | undefined> {
  if (options.signal?.aborted) throw abortError(options.signal)
  const found = look()
  if (found !== undefined || options.timeout === 0) return found
  const turn = new ConditionTurn(thread, waiters, WAITS_ASYNC, look, watch)
  return (await settle(thread, turn, options)) ? turn.found : undefined
}

/** Wakes the first `count` in line. One load while nobody ever waited. */
export function wakeFirst(agent: Agent, waiters: Waiters, count = 1): void {
  if (waiters.untouched) return
  let left = count
  for (const waiting of waiters.survey().line) {
    if (left === 0) return
    // Its event loop cannot run now. It looks when it can.
    if (waiting.kind === WAITS_ASYNC && agent.isParked(waiting.id)) continue
    left--
    if (left === 0) waiters.wake(waiting)
    else agent.wake(waiting.id, waiting.kind)
  }
}

export function wakeAll(agent: Agent, waiters: Waiters): void {
  if (waiters.untouched) return
  for (const { id, kind } of waiters.survey().line) agent.wake(id, kind)
}

/** One waiter's way through the line of a condition. */
export class ConditionTurn<T> implements Turn {
  readonly watched: number[] = []
  untilMs = Infinity
  found: T | undefined
  readonly #agent: Agent
  readonly #waiters: Waiters
  readonly #kind: WaitKind
  readonly #look: () => T | undefined
  readonly #watch: () => readonly number[]
  #slot = NO_SLOT

  constructor(agent: Agent, waiters: Waiters, kind: WaitKind, look: () => T | undefined, watch: () => readonly number[]) {
    this.#agent = agent
    this.#waiters = waiters
    this.#kind = kind
    this.#look = look
    this.#watch = watch
  }

  /**
   * The line and who is to be watched are read *before* the condition. The other way round, somebody ahead could be woken in
   * place of us, take and leave the line between our two looks, and die before he passes the wake-up on: we would neither
   * have seen the change nor watch him. Who is to be watched is read again after it, since the change may have come with them.
   */
  look(): boolean {
    if (this.#slot === NO_SLOT) this.#slot = this.#waiters.join(this.#kind)
    do this.watched.length = 0
    while (this.#slot !== NO_SLOT && this.#waiters.survey().watchedBy(this.#slot, this.#kind, this.watched) === 'stale')
    this.#addWatched()
    this.found = this.#look()
    if (this.found !== undefined) {
      this.leave()
      return true
    }
    this.#addWatched()
    this.untilMs = this.#slot === NO_SLOT ? this.#agent.nowMs() + OVERFLOW_MS : Infinity
    return false
  }

  leave(): void {
    if (this.#slot === NO_SLOT) return
    const waiters = this.#waiters
    const state = waiters.stateOf(this.#slot)
    waiters.leave(this.#slot)
    this.#slot = NO_SLOT
    // Who watched us must watch the one before us now; who is first takes up our wake-up.
    if (waiters.survey().hasAhead(state)) waiters.wakeFollowers(state)
    this.pass()
  }

  pass(): void {
    wakeFirst(this.#agent, this.#waiters)
  }

  #addWatched(): void {
    for (const id of this.#watch()) {
      if (id !== this.#agent.id && !this.watched.includes(id)) this.watched.push(id)
    }
  }
}
