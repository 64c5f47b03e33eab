import type { WaitOptions } from '../arguments.ts'
import type { Thread } from '../contracts/thread.ts'
import { deadlineAfter, startTimer } from '../deadline.ts'
import { AbortError } from '../errors/remote.ts'

/** One operation that waits for its turn: `attempt` returns undefined as long as it can not be done. */
interface Pending {
  readonly owner: unknown
  cancel(error: unknown): void
  attempt(): unknown
  refuse(value: unknown): void
  resolve(value: unknown): void
  reject(error: unknown): void
  end(): void
}

/**
 * The async operations of this thread at one end of a ring, done in the order of their calls. However many there are,
 * they wait as one: `sleep` is called while the line is not empty, and calls `serve` whenever something may have changed.
 */
export class Line {
  readonly #thread: Thread
  readonly #sleep: (line: Line, stop: AbortSignal) => Promise<void>
  readonly #pending: Pending[] = []
  #working = false
  #stop: AbortController | undefined

  constructor(thread: Thread, sleep: (line: Line, stop: AbortSignal) => Promise<void>) {
    this.#thread = thread
    this.#sleep = sleep
  }

  get isEmpty(): boolean {
    return this.#pending.length === 0
  }

  /**
   * Waits behind those that are there. Resolves with what `attempt` returned, or with undefined after `timeout`; rejects
   * with what it threw, or with `AbortError`. `attempt` is not called any more after that.
   *
   * @param owner - names the operation for `cancel`.
   * @param refuse - gets what `attempt` returned when code that ran in it has ended the wait, by an abort or `cancel`.
   */
  enter<T>(call: string, attempt: () => T | undefined, options: WaitOptions, owner?: unknown, refuse?: (value: T) => void): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const { signal } = options
      if (signal?.aborted) return reject(aborted(call, signal))
      const leave = (settle: () => void): void => {
        const place = this.#pending.indexOf(pending)
        if (place < 0) return
        this.#pending.splice(place, 1)
        pending.end()
        settle()
        this.#stopIfEmpty()
      }
      const onAbort = (): void => leave(() => reject(aborted(call, signal!)))
      const stopTimer = startTimer(this.#thread, deadlineAfter(this.#thread, options.timeout), () => leave(() => resolve(undefined)))
      const pending: Pending = {
        owner,
        cancel: (error) => leave(() => reject(error)),
        attempt,
        refuse: (value) => refuse?.(value as T),
        resolve: resolve as (value: unknown) => void,
        reject,
        end: () => {
          stopTimer()
          signal?.removeEventListener('abort', onAbort)
        },
      }
      signal?.addEventListener('abort', onAbort)
      this.#pending.push(pending)
      if (!this.#working) void this.#work()
    })
  }

  /** Does what can be done, first come first served. True when nothing is left to wait for. */
  serve(): boolean {
    for (;;) {
      const pending = this.#pending[0]
      if (pending === undefined) return true
      let value: unknown
      try {
        value = pending.attempt()
        if (value === undefined) return false
      } catch (error) {
        this.#done(pending)
        pending.reject(error)
        continue
      }
      if (this.#done(pending)) pending.resolve(value)
      else pending.refuse(value)
    }
  }

  /** `serve` for others than `sleep`: the sleep ends if nothing is left. */
  flush(): boolean {
    const done = this.serve()
    this.#stopIfEmpty()
    return done
  }

  /** Rejects the operations of `owner` with `error`. */
  cancel(owner: unknown, error: unknown): void {
    for (const pending of this.#pending.filter((each) => each.owner === owner)) pending.cancel(error)
  }

  #stopIfEmpty(): void {
    if (this.#pending.length === 0) this.#stop?.abort()
  }

  /** False: an attempt ran code (a reviver) that has ended this very wait. */
  #done(pending: Pending): boolean {
    const place = this.#pending.indexOf(pending)
    if (place >= 0) this.#pending.splice(place, 1)
    pending.end()
    return place >= 0
  }

  async #work(): Promise<void> {
    this.#working = true
    try {
      while (this.#pending.length > 0) {
        this.#stop = new AbortController()
        await this.#sleep(this, this.#stop.signal)
      }
    } catch (error) {
      for (const pending of this.#pending.splice(0)) {
        pending.end()
        pending.reject(error)
      }
    } finally {
      this.#working = false
      this.#stop = undefined
    }
  }
}

export function aborted(call: string, signal: AbortSignal): AbortError {
  return new AbortError(`${call} was aborted while it waited. Nothing was sent or taken.`, { cause: signal.reason })
}
