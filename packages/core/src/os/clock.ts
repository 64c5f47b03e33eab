const offset = (() => {
  // Its first use loads it, which takes milliseconds that must not count as part of the difference.
  performance.now()
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6 - performance.now()
})()

/** The system's monotonic clock in milliseconds: the same for all processes, so time stamps may lie in shared words. */
export function monotonicMs(): number {
  return performance.now() + offset
}
