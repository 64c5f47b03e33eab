import { AbortError, checkWaitOptions, currentThread, deadlineAfter, startTimer, TimeoutError } from '@multiproc/core'
import type { WaitOptions } from '@multiproc/core'
import type { Task } from './task.ts'

/** The results of `imap`: an async iterator whose `next` may be told how long to wait. */
export interface ResultIterator<R> extends AsyncIterableIterator<R, undefined> {
  /**
   * The next result.
   * @throws TimeoutError after `timeout`, AbortError: nothing was taken. What a task or the input threw: the iterator is over then.
   */
  next(options?: WaitOptions): Promise<IteratorResult<R, undefined>>
  /** Ends it early, as leaving a `for await` loop does: tasks that have not begun are withdrawn, the input is closed. */
  return(): Promise<IteratorReturnResult<undefined>>
  [Symbol.asyncIterator](): ResultIterator<R>
}

/** What the stream needs of its pool. */
export interface StreamPool {
  submit(items: readonly unknown[], resolve: (values: readonly unknown[]) => void, reject: (error: unknown) => void): Task
  withdraw(tasks: ReadonlySet<Task>): void
  /** The input is read to its end. Called once. */
  readAll(): void
  /** Nothing more is to come. Called once. */
  over(): void
}

export interface StreamSettings {
  readonly call: string
  readonly chunkSize: number
  readonly bufferSize: number
  readonly isOrdered: boolean
}

interface Chunk {
  values?: readonly unknown[]
  failure?: { readonly error: unknown }
  /** How many of its values were given out. */
  given: number
}

interface Reader {
  resolve(result: IteratorResult<unknown, undefined>): void
  reject(error: unknown): void
}

/**
 * Reads its input `bufferSize` items ahead of its reader at most, and gives out the results in order, or as they come.
 *
 *   input -> pending items -> chunk at a worker -> chunk with values -> next()
 *            '------------- at most bufferSize items -------------'
 */
export class ResultStream implements ResultIterator<unknown> {
  readonly #pool: StreamPool
  readonly #settings: StreamSettings
  readonly #input: Iterator<unknown> | AsyncIterator<unknown>
  #pending: unknown[] = []
  /** To be given out from the left: all in order, or those that have ended. */
  readonly #chunks: Chunk[] = []
  readonly #running = new Map<Chunk, Task>()
  readonly #readers: Reader[] = []
  #buffered = 0
  #isReading = false
  #inputEnded = false
  #inputFailure: { readonly error: unknown } | undefined
  #isOver = false

  constructor(pool: StreamPool, input: Iterator<unknown> | AsyncIterator<unknown>, settings: StreamSettings) {
    this.#pool = pool
    this.#input = input
    this.#settings = settings
    this.#read()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(options?: WaitOptions): Promise<IteratorResult<unknown, undefined>> {
    const call = `${this.#settings.call}.next()`
    const { timeout, signal } = checkWaitOptions(call, options)
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(aborted(call, signal))
      if (timeout === undefined && signal === undefined) {
        this.#readers.push({ resolve, reject })
        return this.#give()
      }
      const thread = currentThread()
      const settled = (): void => {
        stopTimer()
        signal?.removeEventListener('abort', abort)
      }
      const leave = (error: unknown): void => {
        this.#readers.splice(this.#readers.indexOf(reader), 1)
        reader.reject(error)
      }
      const abort = (): void => leave(aborted(call, signal as AbortSignal))
      const reader: Reader = {
        resolve: (result) => {
          settled()
          resolve(result)
        },
        reject: (error) => {
          settled()
          reject(error as Error)
        },
      }
      signal?.addEventListener('abort', abort, { once: true })
      const stopTimer = startTimer(thread, deadlineAfter(thread, timeout), () =>
        leave(new TimeoutError(`${call} timed out: no result came within ${timeout} ms. Nothing was taken; call it again, or wait longer.`)),
      )
      this.#readers.push(reader)
      this.#give()
    })
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    const wasOpen = !this.#inputEnded
    this.#end()
    if (wasOpen) await this.#input.return?.()
    return { done: true, value: undefined }
  }

  #read(): void {
    // Code of the user's runs in here, and may call next().
    if (this.#isReading) return
    this.#isReading = true
    const { bufferSize } = this.#settings
    while (!this.#inputEnded && this.#buffered < bufferSize) {
      let result: IteratorResult<unknown> | Promise<IteratorResult<unknown>>
      try {
        result = this.#input.next()
      } catch (error) {
        this.#inputFailure = { error }
        this.#readAll()
        break
      }
      if (typeof (result as Promise<unknown>).then === 'function') {
        ;(result as Promise<IteratorResult<unknown>>).then(
          (came) => {
            this.#isReading = false
            this.#take(came)
            this.#read()
          },
          (error: unknown) => {
            this.#isReading = false
            this.#inputFailure = { error }
            this.#readAll()
            this.#give()
          },
        )
        return
      }
      this.#take(result as IteratorResult<unknown>)
    }
    this.#isReading = false
    this.#give()
  }

  #take(result: IteratorResult<unknown>): void {
    if (this.#isOver) return
    if (result.done) return this.#readAll()
    this.#pending.push(result.value)
    this.#buffered += 1
    if (this.#pending.length >= Math.min(this.#settings.chunkSize, this.#settings.bufferSize)) this.#submit()
  }

  #readAll(): void {
    if (this.#inputEnded) return
    this.#inputEnded = true
    this.#submit()
    this.#pool.readAll()
  }

  #submit(): void {
    const items = this.#pending
    if (items.length === 0) return
    this.#pending = []
    const chunk: Chunk = { given: 0 }
    const { isOrdered } = this.#settings
    if (isOrdered) this.#chunks.push(chunk)
    const ended = (how: Partial<Chunk>): void => {
      Object.assign(chunk, how)
      this.#running.delete(chunk)
      if (this.#isOver) return
      if (!isOrdered) this.#chunks.push(chunk)
      this.#give()
    }
    try {
      this.#running.set(chunk, this.#pool.submit(items, (values) => ended({ values }), (error) => ended({ failure: { error } })))
    } catch (error) {
      // An item that cannot be sent ends the results where its own would have come.
      ended({ failure: { error } })
    }
    if (chunk.values !== undefined || chunk.failure !== undefined) this.#running.delete(chunk)
  }

  #give(): void {
    let gave = false
    while (this.#readers.length > 0) {
      const chunk = this.#chunks[0]
      if (chunk === undefined || (chunk.values === undefined && chunk.failure === undefined)) {
        if (chunk !== undefined || this.#running.size > 0 || !this.#inputEnded) break
        const reader = this.#readers.shift() as Reader
        const failure = this.#inputFailure
        this.#inputFailure = undefined
        this.#end()
        if (failure) reader.reject(failure.error)
        else reader.resolve({ done: true, value: undefined })
        continue
      }
      const reader = this.#readers.shift() as Reader
      if (chunk.failure) {
        void this.return().catch(() => {})
        reader.reject(chunk.failure.error)
        continue
      }
      const values = chunk.values as readonly unknown[]
      reader.resolve({ done: false, value: values[chunk.given++] })
      this.#buffered -= 1
      gave = true
      if (chunk.given === values.length) this.#chunks.shift()
    }
    if (gave) this.#read()
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    const running = new Set(this.#running.values())
    this.#running.clear()
    this.#chunks.length = 0
    this.#pending = []
    if (!this.#inputEnded) {
      this.#inputEnded = true
      this.#pool.readAll()
    }
    if (running.size > 0) this.#pool.withdraw(running)
    this.#pool.over()
    this.#give()
  }
}

function aborted(call: string, signal: AbortSignal): AbortError {
  return new AbortError(`${call} was aborted while it waited. Nothing was taken.`, { cause: signal.reason })
}
