/**
 * Ends what may hang. Tests assert no maximum time; a wait that would never end is cut off here instead, with a text
 * that says what was waited for.
 */
export class WatchdogError extends Error {
  override name = 'WatchdogError'
}

/** Settles as `work` does, or rejects with what was being waited for once `timeoutMs` have passed. */
export async function watched<T>(what: string, work: PromiseLike<T>, timeoutMs = 20_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const cut = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new WatchdogError(`still waiting for ${what} after ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([work, cut])
  } finally {
    clearTimeout(timer)
  }
}

/** Looks until `look()` gives something other than undefined or false. For states that nobody announces. */
export async function eventually<T>(what: string, look: () => T | undefined | false, timeoutMs = 20_000): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    const seen = look()
    if (seen !== undefined && seen !== false) return seen
    if (performance.now() > deadlineMs) throw new WatchdogError(`${what}: not so after ${timeoutMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
