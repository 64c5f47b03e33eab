import { unpackThrown } from '@multiproc/core'
import type { PackedThrown } from '@multiproc/core'
import { fulfil, makeAsyncResult, refuse } from './async-result.ts'
import type { AsyncResult } from './async-result.ts'
import type { Ended } from './iterate.ts'
import type { Outcomes } from './protocol.ts'
import type { Outcome, Task } from './task.ts'

export interface GroupSettings {
  readonly size: number
  readonly isSettled: boolean
  readonly isFailFast: boolean
  readonly onProgress: ((done: number) => void) | undefined
  /** Rejects those that no worker has begun. */
  withdraw(tasks: readonly Task[], reason: unknown): void
  /** Rejects those that have not ended. */
  cancel(tasks: readonly Task[]): boolean
  /** All chunks have ended. Called once. */
  over(): void
}

/** The chunks of one `map`: their values in the order of the items. */
export class Group implements Outcome {
  readonly result: AsyncResult<unknown[]>
  readonly tasks: Task[] = []
  readonly #settings: GroupSettings
  readonly #values: unknown[]
  #left: number
  #done = 0
  #failure: { readonly error: unknown } | undefined

  constructor(settings: GroupSettings, chunks: number) {
    this.#settings = settings
    this.#values = new Array<unknown>(settings.size)
    this.#left = chunks
    this.result = makeAsyncResult<unknown[]>(this)
    if (chunks === 0) fulfil(this.result, [])
  }

  cancel(): boolean {
    return this.#settings.cancel(this.tasks)
  }

  fulfilled(value: unknown, task: Task): void {
    const { index } = task
    const values = this.#values
    if (this.#settings.isSettled) {
      for (const [at, one] of settledOf(value as Outcomes, task).entries()) values[index + at] = { index: index + at, ...one }
    } else {
      const chunk = value as unknown[]
      for (let at = 0; at < chunk.length; at++) values[index + at] = chunk[at]
    }
    this.#ended(task)
  }

  refused(error: unknown, task: Task): void {
    if (this.#settings.isSettled) {
      for (let at = task.index; at < task.index + task.items; at++) this.#values[at] = { index: at, status: 'rejected', reason: error }
    } else if (this.#failure === undefined) {
      this.#failure = { error }
      if (this.#settings.isFailFast) {
        refuse(this.result, error)
        this.#settings.withdraw(this.tasks, error)
      }
    }
    this.#ended(task)
  }

  #ended(task: Task): void {
    this.#done += task.items
    this.#settings.onProgress?.(this.#done)
    if (--this.#left > 0) return
    if (this.#failure) refuse(this.result, this.#failure.error)
    else fulfil(this.result, this.#values)
    this.#settings.over()
  }
}

/** How each item of a chunk ended, from what its worker answered. */
export function settledOf({ values, failed }: Outcomes, task: Task): Ended[] {
  const all: Ended[] = values.map((value) => ({ status: 'fulfilled', value }))
  for (const at of failed) all[at] = { status: 'rejected', reason: unpackThrown(values[at] as PackedThrown, task.caller) }
  return all
}
