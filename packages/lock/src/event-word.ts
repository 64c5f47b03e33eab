/**
 * Set or not, and who waits for it. Lock-free: each loop ends unless another thread went on.
 *
 * Layout v1 (int32 words)                                      | writer             | reader
 *   0       STATE: times it was set << 1 | set now             | setters, clearers  | all
 *   1..3    spare
 *   4       Waiters (core waiters.ts)
 *
 * A waiter remembers STATE before it stands in line: it is content if the event is set, or was set meanwhile, cleared or
 * not (the count moved). 2^30 sets during one wait would be taken for none.
 *
 * Death of                                leaves                       who repairs, how
 *   a setter between STATE and wake-up    set, waiters asleep          they watch all who hold the event, and look
 *   a waiter                              its place in line            any survey
 * A holder that joins later than they looked wakes all before it can set anything (`joined`), so they watch it, too.
 */
import { ConditionTurn, waitAsync, waitSync, wakeAll, Waiters, WAITERS_BYTES, type Agent, type Thread, type Turn, type WaitKind, type WaitOptions } from '@multiproc/core'

const LINE = 4
export const EVENT_BYTES = LINE * 4 + WAITERS_BYTES

export class EventWord {
  readonly #agent: Agent
  readonly #words: Int32Array
  readonly #at: number
  readonly #waiters: Waiters
  /** All who could set it. */
  readonly #setters: () => readonly number[]

  constructor(agent: Agent, words: Int32Array, base: number, setters: () => readonly number[]) {
    this.#agent = agent
    this.#words = words
    this.#at = base
    this.#waiters = new Waiters(agent, words, base + LINE)
    this.#setters = setters
  }

  isSet(): boolean {
    return (this.#state() & 1) === 1
  }

  set(): void {
    const { ops } = this.#agent
    // Failure of the CAS: another one set or cleared it; look again.
    for (let seen = this.#state(); (seen & 1) === 0; seen = this.#state()) {
      // PUBLISH(E1): set, to OBSERVE(E1) in #state(); who waits by now is seen by wakeAll.
      if (ops.compareExchange(this.#words, this.#at, seen, (seen + 3) | 0) === seen) break
    }
    wakeAll(this.#agent, this.#waiters)
  }

  clear(): void {
    this.#agent.ops.and(this.#words, this.#at, ~1)
  }

  waitSync(deadlineMs: number): boolean {
    return waitSync(this.#agent, this.#waiters, this.#look(), this.#setters, deadlineMs) === true
  }

  /** Needs a `Thread` as agent. */
  async wait(options: WaitOptions): Promise<boolean> {
    return (await waitAsync(this.#agent as Thread, this.#waiters, this.#look(), this.#setters, options)) === true
  }

  /** Ready while, or once, it is set. */
  turn(kind: WaitKind): Turn {
    return new ConditionTurn(this.#agent, this.#waiters, kind, this.#look(), this.#setters)
  }

  joined(): void {
    wakeAll(this.#agent, this.#waiters)
  }

  #state(): number {
    // OBSERVE(E1)
    return this.#agent.ops.load(this.#words, this.#at)
  }

  #look(): () => true | undefined {
    const before = this.#state() >> 1
    return () => {
      const state = this.#state()
      return (state & 1) === 1 || state >> 1 !== before || undefined
    }
  }
}
