import { currentThread, Line } from '@multiproc/core'
import type { CallContext } from './managed-type.ts'

/** Calls that wait for a change of one object, in the server; served in the order they came. */
export class WaitingLine {
  readonly #line = new Line(currentThread(), async (_, stop) => {
    this.serve()
    if (!this.isEmpty) await new Promise((resolve) => (stop.aborted ? resolve(undefined) : stop.addEventListener('abort', resolve, { once: true })))
  })
  #isServing = false
  #isDue = false

  get isEmpty(): boolean {
    return this.#line.isEmpty
  }

  /** What `attempt` returned, once it is something; undefined after `timeout` milliseconds. */
  wait<T>(call: string, { signal }: Pick<CallContext, 'signal'>, timeout: number | undefined, attempt: () => T | undefined): T | undefined | Promise<T | undefined> {
    const found = this.isEmpty ? attempt() : undefined
    if (found !== undefined || timeout === 0) return found
    return this.#line.enter(call, attempt, { signal, timeout })
  }

  /** Something has changed: whoever can go on does. An attempt may lead here again. */
  serve(): void {
    this.#isDue = true
    if (this.#isServing) return
    this.#isServing = true
    try {
      while (this.#isDue) {
        this.#isDue = false
        this.#line.flush()
      }
    } finally {
      this.#isServing = false
    }
  }
}
