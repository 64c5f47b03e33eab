import { checkWaitOptions, MultiprocError, TimeoutError } from '@multiproc/core'
import type { WaitOptions } from '@multiproc/core'
import { waitFor } from './wait-for.ts'

const PENDING = 0
const FULFILLED = 1
const REJECTED = 2

let fulfilNext: (value: never) => void
let refuseNext: (error: unknown) => void
/** One for all: a closure for each would be a large part of what a tiny task costs. */
const catchSettlers = (fulfil: (value: never) => void, refuse: (error: unknown) => void): void => {
  fulfilNext = fulfil
  refuseNext = refuse
}

/** What a result can be asked to give up: false when it has ended. */
export interface Cancellable {
  cancel(): boolean
}

export let makeAsyncResult: <R>(task: Cancellable | undefined) => AsyncResult<R>
/** What `cancel()` cancels; for those who know it only later. */
export let belongsTo: (result: AsyncResult<unknown>, task: Cancellable) => void
export let fulfil: <R>(result: AsyncResult<R>, value: R) => void
export let refuse: (result: AsyncResult<unknown>, error: unknown) => void
/** What it ended with: the value, or throws. It must have ended. */
export let outcomeOf: <R>(result: AsyncResult<R>) => R

/**
 * The result of a task to come: a promise with a few questions more. `await` it as any promise.
 * Python: `multiprocessing.pool.AsyncResult`.
 */
export class AsyncResult<R> extends Promise<R> {
  #state = PENDING
  /** The value, or the error: for those who cannot await it. */
  #outcome: unknown
  #task: Cancellable | undefined
  #fulfil: (value: never) => void = fulfilNext
  #refuse: (error: unknown) => void = refuseNext

  /**
   * The result, waiting for it at most `timeout` milliseconds.
   * @throws TimeoutError (the task goes on); AbortError; what the task threw; WorkerLostError. Python: `get(timeout)`.
   */
  get(options?: WaitOptions): Promise<R> {
    const wait = checkWaitOptions('result.get()', options)
    const lapsed = (): never => {
      throw new TimeoutError(`result.get() failed: the task has not ended after ${wait.timeout} ms. It goes on; wait longer, or again.`)
    }
    return waitFor(this, wait, lapsed, 'result.get() was aborted while it waited. The task goes on.')
  }

  /** True once the task has ended, however; false after `timeout`. Never rejects with what the task threw. Python: `wait`. */
  async wait(options?: WaitOptions): Promise<boolean> {
    const { timeout, signal } = checkWaitOptions('result.wait()', options)
    const ended = this.then(() => true, () => true)
    if (this.ready()) return true
    if (timeout === 0) return false
    return waitFor(ended, { timeout, signal }, () => false, 'result.wait() was aborted while it waited. The task goes on.')
  }

  /** The task has ended. Python: `ready`. */
  ready(): boolean {
    return this.#state !== PENDING
  }

  /** The task has ended without an error. @throws ERR_MULTIPROC_NOT_STARTED while it has not ended. Python: `successful`. */
  successful(): boolean {
    if (this.#state === PENDING) {
      throw new MultiprocError('ERR_MULTIPROC_NOT_STARTED', 'result.successful() failed: the task has not ended. Await the result, or ask ready() first.')
    }
    return this.#state === FULFILLED
  }

  /**
   * Rejects it with `AbortError` now, unless it has ended: a task that no worker has begun is withdrawn. One that runs sees
   * its `currentTask().signal` abort and gets `killDelay` milliseconds; a task that never asked for its signal gets none.
   * Then its worker is ended and replaced; what else that worker had runs elsewhere. Returns false once it has ended.
   */
  cancel(): boolean {
    return this.#state === PENDING && (this.#task?.cancel() ?? false)
  }

  static {
    outcomeOf = <R>(result: AsyncResult<R>): R => {
      if (result.#state === REJECTED) throw result.#outcome
      return result.#outcome as R
    }
    makeAsyncResult = <R>(task: Cancellable | undefined) => {
      const result = new AsyncResult<R>(catchSettlers as never)
      result.#task = task
      return result
    }
    belongsTo = (result, task) => {
      result.#task = task
    }
    fulfil = (result, value) => {
      if (result.#state !== PENDING) return
      result.#state = FULFILLED
      result.#outcome = value
      result.#task = undefined
      result.#fulfil(value as never)
    }
    refuse = (result, error) => {
      if (result.#state !== PENDING) return
      result.#state = REJECTED
      result.#outcome = error
      result.#task = undefined
      result.#refuse(error)
    }
  }
}

// What `then` makes of it is a plain promise, and so takes the engine's fast paths: `Promise.all` costs half as much.
Object.defineProperty(AsyncResult.prototype, 'constructor', { value: Promise, writable: true, configurable: true })
