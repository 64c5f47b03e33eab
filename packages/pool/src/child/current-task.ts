import { AsyncLocalStorage } from 'node:async_hooks'
import { currentThread } from '@multiproc/core'

/** The task that runs, as its own code sees it. */
export interface CurrentTask {
  /** Aborts when the task is cancelled or has run for as long as it may: end soon, `killDelay` milliseconds are left. */
  readonly signal: AbortSignal
  /** Which task of the pool it is, and for the how manieth time it is tried: 1 the first time. */
  readonly id: number
  readonly attempt: number
  /** Tells `onReport` of the caller something. Resolves when it is written. @throws NOT_SENDABLE and its like. */
  report(value: unknown): Promise<void>
}

/** What a task tells its pool while it runs. */
export interface TaskReporter {
  /** It asked for its signal. */
  listens(task: RunningTask): void
  report(id: number, value: unknown): Promise<void>
}

export class RunningTask implements CurrentTask {
  readonly id: number
  readonly attempt: number
  /** A stream: how many values it may still send. */
  credit = 0
  onCredit: (() => void) | undefined
  readonly #reporter: TaskReporter
  #controller: AbortController | undefined

  constructor(id: number, attempt: number, reporter: TaskReporter) {
    this.id = id
    this.attempt = attempt
    this.#reporter = reporter
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      // What waits for nothing but this signal waits for something that can come.
      currentThread().ref()
      this.#reporter.listens(this)
    }
    return this.#controller.signal
  }

  report(value: unknown): Promise<void> {
    return this.#reporter.report(this.id, value)
  }

  cancel(): void {
    this.#controller?.abort(new DOMException('The task was cancelled, or ran longer than it may.', 'AbortError'))
    this.onCredit?.()
  }

  ended(): void {
    if (this.#controller !== undefined) currentThread().unref()
  }
}

/** With one task at a time this says which; with more, the context of the calls does. */
let running: RunningTask | undefined
const contexts = new AsyncLocalStorage<RunningTask>()

/**
 * The task of a pool that this code runs in; null outside of one.
 * @example
 * for (const page of pages) {
 *   if (currentTask()?.signal.aborted) break
 *   await currentTask()?.report(page.number)
 * }
 */
export function currentTask(): CurrentTask | null {
  return contexts.getStore() ?? running ?? null
}

export function setRunning(task: RunningTask | undefined): void {
  running = task
}

export function inContext<T>(task: RunningTask, run: () => T): T {
  return contexts.run(task, run)
}
