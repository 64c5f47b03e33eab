import type { AtomicOps } from '../arena/atomics.ts'

/** How a waiter sleeps: parked in the kernel, or in its event loop. */
export const WAITS_SYNC = 1
export const WAITS_ASYNC = 2
export type WaitKind = typeof WAITS_SYNC | typeof WAITS_ASYNC

/**
 * What an algorithm over shared words needs of the thread that runs it. `currentThread()` is the real one; the model
 * tests run the same algorithms over a simulated one, so nothing here may be reached in any other way.
 */
export interface Agent {
  readonly ops: AtomicOps
  /** This thread's owner id: 27 bits, never 0, never used by another thread of the family. */
  readonly id: number
  /** True once the thread named by `id` can never run again. A stopped (SIGSTOP) thread is alive. */
  isDead(id: number): boolean
  /** True while that thread is blocked in a synchronous wait: its event loop, and so its async waiters, cannot run. */
  isParked(id: number): boolean
  /** Wakes a thread: one that waits `WAITS_SYNC` from its park, one that waits `WAITS_ASYNC` by its doorbell. Never blocks. */
  wake(id: number, how: WaitKind): void
  /**
   * Blocks until somebody wakes this thread, one of `watched` dies, or the deadline passes. May return early for no
   * reason: the caller looks again. `deadlineMs` is on the clock of `nowMs()`, `Infinity` for none.
   */
  park(deadlineMs: number, watched: readonly number[]): void
  /** A monotonic clock, in milliseconds. */
  nowMs(): number
}
