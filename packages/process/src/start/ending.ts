import type { Exit } from '../exit.ts'

/** How a child ended, who is to be told of it, and how many want the event loop to stay alive for it. */
export class Ending {
  /** Set as soon as anybody saw the end: before `tell`, which comes from the event loop. */
  exit: Exit | undefined
  readonly #loop: { ref(): void; unref(): void }
  readonly #waiting = new Set<(exit: Exit) => void>()
  #told = false
  #references = 0

  constructor(loop: { ref(): void; unref(): void }) {
    this.#loop = loop
    loop.unref()
  }

  onExit(told: (exit: Exit) => void): () => void {
    if (this.#told) {
      queueMicrotask(() => told(this.exit as Exit))
      return () => {}
    }
    this.#waiting.add(told)
    return () => this.#waiting.delete(told)
  }

  tell(): void {
    this.#told = true
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const each of waiting) each(this.exit as Exit)
  }

  ref(): void {
    if (this.#references++ === 0) this.#loop.ref()
  }

  unref(): void {
    if (--this.#references === 0) this.#loop.unref()
  }
}
