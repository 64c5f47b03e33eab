import type { Exit } from '../exit.ts'
import type { ResultRecord } from '../protocol.ts'

/**
 * What the children of all start methods have in common: how one ended and what it left, who is to be told, and how many
 * want the event loop to stay alive for it.
 */
export abstract class EndingChild {
  /** Called once its end is seen, by whomever. */
  settled: () => void
  readonly #loop: { ref(): void; unref(): void }
  readonly #waiting = new Set<(exit: Exit) => void>()
  #ended: Exit | undefined
  #record: ResultRecord | undefined
  #told = false
  #references = 0

  /** Does not keep the event loop alive until `ref`. */
  constructor(loop: { ref(): void; unref(): void }, settled: () => void) {
    this.#loop = loop
    this.settled = settled
    loop.unref()
  }

  onExit(told: (exit: Exit) => void): () => void {
    if (this.#told) {
      queueMicrotask(() => told(this.#ended as Exit))
      return () => {}
    }
    this.#waiting.add(told)
    return () => this.#waiting.delete(told)
  }

  takeResult(): ResultRecord | undefined {
    const record = this.#record
    this.#record = undefined
    return record
  }

  ref(): void {
    if (this.#references++ === 0) this.#loop.ref()
  }

  unref(): void {
    if (--this.#references === 0) this.#loop.unref()
  }

  /** Set as soon as anybody saw the end: before `tell`, which comes from the event loop. */
  protected get ended(): Exit | undefined {
    return this.#ended
  }

  /** Gives the result, and frees what it was left in. */
  protected abstract takeOver(): ResultRecord | undefined

  /** The result is taken over at once, whoever asks for it later: a process that ended holds no descriptors. */
  protected settle(exit: Exit): void {
    if (this.#ended !== undefined) return
    this.#ended = exit
    this.#record = this.takeOver()
    this.settled()
  }

  protected tell(): void {
    this.#told = true
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const each of waiting) each(this.#ended as Exit)
  }
}
