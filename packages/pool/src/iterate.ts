import { AbortError, checkWaitOptions, currentThread, deadlineAfter, startTimer, TimeoutError } from '@multiproc/core'
import type { WaitOptions } from '@multiproc/core'
import { ChunkSize } from './chunk.ts'
import type { Outcome, Task } from './task.ts'

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
  /** `index` is the first item's place in the input. */
  submit(items: readonly unknown[], index: number, outcome: Outcome): Task
  /** How each item ended, where one that fails fails alone. */
  unpack(value: unknown, task: Task): readonly Ended[]
  withdraw(tasks: readonly Task[]): void
  /** The input is read to its end. Called once. */
  readAll(): void
  /** Nothing more is to come. Called once. */
  over(): void
}

export interface StreamSettings {
  readonly call: string
  /** undefined: as many items as take next to no time, see `ChunkSize`. */
  readonly chunkSize: number | undefined
  readonly bufferSize: number
  readonly isOrdered: boolean
  /** Gives out how each item ended, instead of its value or error. */
  readonly isSettled: boolean
  readonly workers: number
  readonly onProgress: ((done: number, total: number | undefined) => void) | undefined
}

/** How one item ended. */
export type Ended = { readonly status: 'fulfilled'; readonly value: unknown } | { readonly status: 'rejected'; readonly reason: unknown }

interface Chunk {
  ended?: readonly Ended[]
  readonly index: number
  /** How many of its items were given out. */
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
  readonly #adaptive: ChunkSize | undefined
  #buffered = 0
  #submitted = 0
  #done = 0
  #isReading = false
  #inputEnded = false
  #inputFailure: { readonly error: unknown } | undefined
  #isOver = false

  constructor(pool: StreamPool, input: Iterator<unknown> | AsyncIterator<unknown>, settings: StreamSettings) {
    this.#pool = pool
    this.#input = input
    this.#settings = settings
    // Two chunks for each worker have to fit, or one would wait while the other is read.
    if (settings.chunkSize === undefined) this.#adaptive = new ChunkSize(settings.bufferSize / (2 * settings.workers))
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
        // Who knows when the next item comes: what is there does not wait for it while workers are idle.
        if (this.#adaptive && this.#running.size < this.#settings.workers) this.#submit()
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
    if (this.#pending.length >= Math.min(this.#adaptive?.next ?? (this.#settings.chunkSize as number), this.#settings.bufferSize)) this.#submit()
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
    const chunk: Chunk = { index: this.#submitted, given: 0 }
    this.#submitted += items.length
    const { isOrdered } = this.#settings
    if (isOrdered) this.#chunks.push(chunk)
    const ended = (how: readonly Ended[]): void => {
      chunk.ended = how
      this.#running.delete(chunk)
      if (this.#isOver) return
      this.#done += items.length
      this.#settings.onProgress?.(this.#done, this.#inputEnded ? this.#submitted : undefined)
      if (!isOrdered) this.#chunks.push(chunk)
      this.#give()
    }
    const outcome: Outcome = {
      fulfilled: (value, task) => {
        this.#adaptive?.ran(items.length, task.microseconds)
        ended(this.#pool.unpack(value, task))
      },
      refused: (error) => ended(items.map(() => ({ status: 'rejected', reason: error }))),
    }
    try {
      const task = this.#pool.submit(items, chunk.index, outcome)
      if (chunk.ended === undefined) this.#running.set(chunk, task)
    } catch (error) {
      // An item that cannot be sent ends the results where its own would have come.
      outcome.refused(error, undefined as never)
    }
  }

  #give(): void {
    let gave = false
    while (this.#readers.length > 0) {
      const chunk = this.#chunks[0]
      if (chunk?.ended === undefined) {
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
      const item = chunk.ended[chunk.given] as Ended
      if (item.status === 'rejected' && !this.#settings.isSettled) {
        void this.return().catch(() => {})
        reader.reject(item.reason)
        continue
      }
      reader.resolve({ done: false, value: this.#settings.isSettled ? { index: chunk.index + chunk.given, ...item } : (item as { value: unknown }).value })
      chunk.given += 1
      this.#buffered -= 1
      gave = true
      if (chunk.given === chunk.ended.length) this.#chunks.shift()
    }
    if (gave) this.#read()
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    const running = [...this.#running.values()]
    this.#running.clear()
    this.#chunks.length = 0
    this.#pending = []
    this.#readAll()
    if (running.length > 0) this.#pool.withdraw(running)
    this.#pool.over()
    this.#give()
  }
}

function aborted(call: string, signal: AbortSignal): AbortError {
  return new AbortError(`${call} was aborted while it waited. Nothing was taken.`, { cause: signal.reason })
}
