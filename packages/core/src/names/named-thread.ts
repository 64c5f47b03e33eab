import type { AtomicOps } from '../arena/atomics.ts'
import type { WaitKind } from '../contracts/agent.ts'
import type { Thread } from '../contracts/thread.ts'
import { currentThread } from '../parking/current-thread.ts'
import { GONE, HIDDEN, type Participants } from './participants.ts'

/** Who cannot be woken or watched is looked after this often by those who wait: it dropped its privileges. */
const HIDDEN_LOOK_MS = 100

/** This thread as one of the participants of a named object: the ids are theirs, what it does it does as itself. */
export class NamedThread implements Thread {
  readonly id: number
  readonly ops: AtomicOps
  readonly #participants: Participants
  readonly #thread = currentThread()

  constructor(participants: Participants, id: number) {
    this.#participants = participants
    this.id = id
    this.ops = this.#thread.ops
  }

  isDead(id: number): boolean {
    return this.#participants.threadOf(id) === GONE
  }

  isParked(id: number): boolean {
    const thread = this.#participants.threadOf(id)
    return thread >= 0 && this.#thread.isParked(thread)
  }

  wake(id: number, how: WaitKind): void {
    const thread = this.#participants.threadOf(id)
    if (thread >= 0) this.#thread.wake(thread, how)
  }

  park(deadlineMs: number, watched: readonly number[]): void {
    const threads = this.known(watched)
    // Somebody is dead: the caller looks again.
    if (threads.includes(GONE)) return
    const reached = threads.filter((thread) => thread !== HIDDEN)
    this.#thread.park(reached.length === threads.length ? deadlineMs : Math.min(deadlineMs, this.nowMs() + HIDDEN_LOOK_MS), reached)
  }

  /** The same threads as `currentThread()` knows them: for waits that take several objects. Without those that cannot be reached. */
  reached(ids: readonly number[]): number[] {
    return this.known(ids).filter((thread) => thread >= 0)
  }

  block<T>(body: (sliceMs: number) => T): T {
    return this.#thread.block(body)
  }

  nowMs(): number {
    return this.#thread.nowMs()
  }

  onBell(look: () => void): () => void {
    return this.#thread.onBell(look)
  }

  onPark(pass: () => void): () => void {
    return this.#thread.onPark(pass)
  }

  watchDeath(id: number, told: () => void): () => void {
    const thread = this.#participants.threadOf(id)
    if (thread >= 0) return this.#thread.watchDeath(thread, told)
    if (thread === GONE) {
      const soon = setImmediate(told)
      return () => clearImmediate(soon)
    }
    const looks = setInterval(() => this.isDead(id) && told(), HIDDEN_LOOK_MS).unref()
    return () => clearInterval(looks)
  }

  ref(): void {
    this.#thread.ref()
  }

  unref(): void {
    this.#thread.unref()
  }

  meet(): never {
    throw new Error('a named object knows no families of its own')
  }

  part(): never {
    return this.meet()
  }

  requestStop(id: number): void {
    const thread = this.#participants.threadOf(id)
    if (thread >= 0) this.#thread.requestStop(thread)
  }

  runsElsewhere(id: number): boolean {
    const thread = this.#participants.threadOf(id)
    return thread >= 0 && this.#thread.runsElsewhere(thread)
  }

  private known(ids: readonly number[]): number[] {
    return ids.map((id) => this.#participants.threadOf(id))
  }
}
