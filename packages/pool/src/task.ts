import { AbortError } from '@multiproc/core'
import type { Encoded } from '@multiproc/core'
import type { Definition } from './definitions.ts'
import type { TaskOptions } from './options.ts'
import { ATTEMPT_AT, writeWord } from './protocol.ts'
import type { Record } from './protocol.ts'
import { Attempts } from './retry.ts'
import type { Retry } from './retry.ts'
import type { WorkerSlot } from './worker-slot.ts'

/** Where a task is. It is in exactly one place, until it is settled. */
export const WAITING = 0
export const SENT = 1
export const PAUSING = 2
export const SETTLED = 3
/** Taken out of all lines, to be rejected in a moment. */
export const LEAVING = 4
/** Made, and not submitted. */
export const NEW = 5
export type Place = typeof NEW | typeof WAITING | typeof SENT | typeof PAUSING | typeof SETTLED | typeof LEAVING

/** Who is told how a task ended: the result of a single one, or what gathers many. */
export interface Outcome {
  fulfilled(value: unknown, task: Task): void
  refused(error: unknown, task: Task): void
  /** One value of a stream. */
  yielded?(value: unknown): void
}

/** What a task needs of its pool's dispatcher. */
export interface TaskOwner {
  settled(task: Task, failed: boolean): void
  cancel(tasks: readonly Task[], reason: unknown): boolean
}

export interface TaskSettings {
  readonly owner: TaskOwner
  /** The public call that made it, for error texts. */
  readonly name: string
  readonly id: number
  readonly fn: Function | undefined
  readonly definition: Definition | undefined
  readonly needs: readonly Definition[] | undefined
  readonly options: TaskOptions
  readonly retry: Retry | undefined
  readonly record: Record
  readonly encoded: Encoded | undefined
  readonly caller: Error
  readonly outcome: Outcome
  readonly items: number
  readonly index: number
  /** Only the worker in this seat runs it. */
  readonly seat: number | undefined
}

/** One task, encoded when it was submitted: what its arguments become later is not seen, and it can be sent again. */
export class Task {
  place: Place = NEW
  /** The worker that has it, while it is SENT. */
  slot: WorkerSlot | undefined
  /** It asked for its signal, so it can end by itself. */
  listens = false
  /** What it failed with. */
  failure: unknown
  submittedMs = 0
  /** How long it ran. */
  microseconds = 0
  readonly id: number
  readonly name: string
  /** Held, so that what workers know it by is not forgotten before. */
  readonly fn: Function | undefined
  /** The function it names by key, which its worker must have got before. */
  readonly definition: Definition | undefined
  /** The constants it names by key. */
  readonly needs: readonly Definition[] | undefined
  readonly options: TaskOptions
  readonly record: Record
  readonly attempts: Attempts | undefined
  /** Where it was submitted: the trace of an error leads from the worker to here. Formatted only then. */
  readonly caller: Error
  /** How many items of the input it has, and the first one's place there. */
  readonly items: number
  readonly index: number
  readonly seat: number | undefined
  /** Ends what was set up for it alone: timers, listeners. */
  release: (() => void) | undefined
  readonly #owner: TaskOwner
  readonly #outcome: Outcome
  /** Only if handles travel with it. */
  readonly #encoded: Encoded | undefined

  constructor(settings: TaskSettings) {
    this.#owner = settings.owner
    this.#outcome = settings.outcome
    this.#encoded = settings.encoded
    this.id = settings.id
    this.name = settings.name
    this.fn = settings.fn
    this.definition = settings.definition
    this.needs = settings.needs
    this.options = settings.options
    this.record = settings.record
    this.attempts = settings.retry === undefined || settings.retry === 0 ? undefined : new Attempts(settings.retry)
    this.caller = settings.caller
    this.items = settings.items
    this.index = settings.index
    this.seat = settings.seat
  }

  /** A worker has it: handles in it are in flight. */
  sentTo(slot: WorkerSlot): void {
    this.place = SENT
    this.slot = slot
    this.listens = false
    this.#encoded?.commit()
  }

  /** It waits again; as another attempt if the last one counted. */
  takenBack(isAnother: boolean): void {
    this.place = WAITING
    this.slot = undefined
    const { bytes, start } = this.record
    if (isAnother && this.attempts) writeWord(bytes, start + ATTEMPT_AT, this.attempts.begun)
  }

  cancel(): boolean {
    return this.place !== SETTLED && this.#owner.cancel([this], cancelled(this.name))
  }

  succeed(value: unknown): void {
    if (!this.#settle()) return
    this.#outcome.fulfilled(value, this)
    this.#owner.settled(this, false)
  }

  /** With what it threw, or what became of it. */
  fail(error: unknown): void {
    if (!this.#settle()) return
    // No worker will decode it any more. Harmless for handles that arrived.
    this.#encoded?.abort()
    this.failure = error
    this.#outcome.refused(error, this)
    this.#owner.settled(this, true)
  }

  yielded(value: unknown): void {
    if (this.place !== SETTLED) this.#outcome.yielded?.(value)
  }

  /** It was never submitted. */
  dropped(): void {
    this.#encoded?.abort()
  }

  #settle(): boolean {
    if (this.place === SETTLED) return false
    this.place = SETTLED
    this.slot = undefined
    this.release?.()
    return true
  }
}

export function cancelled(call: string, signal?: AbortSignal): AbortError {
  return new AbortError(`${call} was cancelled. A task that ran may have run in part.`, { cause: signal?.reason })
}
