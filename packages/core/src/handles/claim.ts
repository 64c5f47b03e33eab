import type { Holding } from './holding.ts'

/** What one handle has of its object: it ends once, by `close()`, or when the handle is collected without it. */
export class Claim {
  readonly #holding: Holding
  #ended = false

  /** @param handle - is not kept alive by this; the holding must not refer to it either. */
  constructor(handle: object, holding: Holding) {
    holding.retain()
    this.#holding = holding
    collected.register(handle, holding, this)
  }

  /** The handle is closed. */
  get ended(): boolean {
    return this.#ended
  }

  /** False, and nothing happens, if it had ended. `cancel` ends what waits through this handle, before the memory may go. */
  end(cancel?: () => void): boolean {
    if (this.#ended) return false
    this.#ended = true
    collected.unregister(this)
    cancel?.()
    this.#holding.release()
    return true
  }
}

const collected = new FinalizationRegistry<Holding>((holding) => holding.dropped())
