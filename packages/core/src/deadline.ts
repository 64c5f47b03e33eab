/** Longest delay a Node timer takes; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

interface Clock {
  /** A monotonic clock, in milliseconds. */
  nowMs(): number
}

/** The moment on `clock` at which a wait of `timeout` milliseconds ends; `Infinity` when there is no timeout. */
export function deadlineAfter(clock: Clock, timeout: number | undefined): number {
  return timeout === undefined ? Infinity : clock.nowMs() + timeout
}

/** Milliseconds left until the deadline, never negative; `Infinity` when there is none. */
export function remainingMs(clock: Clock, deadlineMs: number): number {
  return deadlineMs === Infinity ? Infinity : Math.max(0, deadlineMs - clock.nowMs())
}

/**
 * Calls `expired` once the deadline passed, however far away it is. Keeps the event loop alive until then: a pending
 * wait does. Returns the canceller.
 */
export function startTimer(clock: Clock, deadlineMs: number, expired: () => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const arm = () => {
    const left = remainingMs(clock, deadlineMs)
    if (left === Infinity) return
    // Rounded up: a timer that fires early by a fraction would make the caller's wait shorter than its timeout.
    timer = setTimeout(left > MAX_TIMER_MS ? arm : expired, Math.min(Math.ceil(left), MAX_TIMER_MS))
  }
  arm()
  return () => clearTimeout(timer)
}
