import type { Outcome, Task } from './task.ts'

export interface StreamSource {
  credit(task: Task, values: number): void
  cancel(task: Task): void
}

interface Reader {
  resolve(result: IteratorResult<unknown, unknown>): void
  reject(error: unknown): void
}

/**
 * The values of one generator task, in order. The worker sends no more than `bufferSize` values that nobody has taken: what
 * was taken is given back as credit, half a buffer at a time.
 */
export class ValueStream implements AsyncIterableIterator<unknown, unknown>, Outcome {
  task!: Task
  readonly #source: StreamSource
  readonly #bufferSize: number
  readonly #values: unknown[] = []
  readonly #readers: Reader[] = []
  #end: { readonly value?: unknown; readonly error?: unknown; readonly isError: boolean } | undefined
  #taken = 0

  constructor(source: StreamSource, bufferSize: number) {
    this.#source = source
    this.#bufferSize = bufferSize
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<unknown, unknown>> {
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject })
      this.#give()
    })
  }

  /** Ends it early, as leaving a `for await` loop does: the generator's `finally` runs, or its worker is ended after `killDelay`. */
  return(): Promise<IteratorResult<unknown, unknown>> {
    if (this.#end === undefined) {
      this.#end = { isError: false }
      this.#values.length = 0
      this.#source.cancel(this.task)
    }
    this.#give()
    return Promise.resolve({ done: true, value: undefined })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  yielded(value: unknown): void {
    if (this.#end !== undefined) return
    this.#values.push(value)
    this.#give()
  }

  fulfilled(value: unknown): void {
    this.#end ??= { value, isError: false }
    this.#give()
  }

  refused(error: unknown): void {
    this.#end ??= { error, isError: true }
    this.#give()
  }

  #give(): void {
    while (this.#readers.length > 0) {
      if (this.#values.length > 0) {
        const value = this.#values.shift()
        ;(this.#readers.shift() as Reader).resolve({ done: false, value })
        this.#taken += 1
        if (this.#taken * 2 >= this.#bufferSize && this.#end === undefined) {
          this.#source.credit(this.task, this.#taken)
          this.#taken = 0
        }
        continue
      }
      const end = this.#end
      if (end === undefined) return
      const reader = this.#readers.shift() as Reader
      // Once only, as from a generator.
      this.#end = { isError: false }
      if (end.isError) reader.reject(end.error)
      else reader.resolve({ done: true, value: end.value })
    }
  }
}
