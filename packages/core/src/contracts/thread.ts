import type { Agent } from './agent.ts'
import type { Family } from '../parking/families.ts'

/** The thread that runs this code, with its event loop: what async waits need beyond `Agent`. */
export interface Thread extends Agent {
  /**
   * Runs `look` whenever this thread's doorbell rang, and once, in a turn of its own, after a synchronous wait ended.
   * Returns the remover. The doorbell opens at the first call and never keeps the event loop alive.
   */
  onBell(look: () => void): () => void
  /**
   * Runs `pass` when this thread is about to sleep in a synchronous wait, after `isParked` became true for all others: the
   * moment to hand on what was offered to this thread's async waiters. Returns the remover.
   */
  onPark(pass: () => void): () => void
  /**
   * Runs `body`, which blocks this thread in its own way (the end of a child, not a wait on shared words), as a synchronous
   * wait: others see `isParked` meanwhile. `body` gets the longest time, in ms, that it may block without coming back to
   * JavaScript.
   */
  block<T>(body: (sliceMs: number) => T): T
  /** Calls `told` once, in a turn of its own, when thread `id` is dead. Returns the canceller. Costs a descriptor while watched. */
  watchDeath(id: number, told: () => void): () => void
  /** A counted reference: while more `ref` than `unref` were called, the event loop stays alive. */
  ref(): void
  unref(): void
  /** Makes another family's threads known: `farId` of the number returned names them in all calls of this object. */
  meet(family: Family): number
  /** That family is dead, and its table was made blank. */
  part(family: number): void
  /**
   * Asks thread `id` to leave its synchronous wait for good, because `terminate()` or the end of its process follows: from
   * now on it only naps. Nothing that is waited for is given to it.
   */
  requestStop(id: number): void
  /** True if that thread was last seen on another core than this one: only then does spinning for it make sense. */
  runsElsewhere(id: number): boolean
}
