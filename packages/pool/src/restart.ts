/**
 * How often workers may end before they did anything until the pool gives up, so that an initializer that always throws,
 * or a module that cannot be loaded, ends in one error instead of a loop. A worker that became ready starts the count anew.
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

  /** True: it is enough. */
  failed(): boolean {
    return ++this.#failures >= this.limit
  }
}
