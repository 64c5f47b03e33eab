/** A worker that stood ready for so long did not fail at its start, whatever ended it. */
const STEADY_MS = 10_000

/**
 * How often workers may end by themselves, before they did anything, until the pool gives up: an initializer that always
 * throws, a module that cannot be loaded, or a timer that ends each worker soon after its start, ends in one error instead
 * of a loop. Any answer starts the count anew. Workers that died under a task do not count: there are only so many tasks.
 */
export class RestartBudget {
  readonly limit: number
  #failures = 0

  constructor(processes: number) {
    this.limit = processes + 3
  }

  succeeded(): void {
    this.#failures = 0
  }

  /** A worker ended with nothing done, after it was ready for so long. True: it is enough. */
  failed(readyMs: number): boolean {
    if (readyMs >= STEADY_MS) this.#failures = 0
    return ++this.#failures >= this.limit
  }
}
