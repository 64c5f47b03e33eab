/**
 * Lets timers and I/O run between operations that never have to wait. `await` of something that is ready does not leave
 * the microtask queue, so a loop over a full ring would keep everything else from running.
 */
const LOOKS = 64
const BUSY_MS = 10

let looks = 0
let busySince = 0
let marked = false

/** True when this thread has run for `BUSY_MS` without a turn of its loop, as far as the callers of this function know. */
export function turnIsDue(): boolean {
  if (++looks < LOOKS) return false
  looks = 0
  if (!marked) {
    // The mark is gone as soon as the loop turns by itself: then nothing is due.
    marked = true
    busySince = performance.now()
    setImmediate(() => (marked = false)).unref()
    return false
  }
  return performance.now() - busySince > BUSY_MS
}

/** Resolves in the next turn of the loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
