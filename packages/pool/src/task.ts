import { encode } from '@multiproc/core'
import type { Encoded } from '@multiproc/core'
import type { Definition } from './definitions.ts'
import { frame } from './protocol.ts'
import type { TaskRequest } from './protocol.ts'
import type { Attempts } from './retry.ts'

/** For a task of a burst: its error's trace ends in the worker. */
const UNTRACED = { stack: '' } as Error

export interface TaskSettings {
  /** The public function at whose caller the trace of an error ends. */
  readonly call: Function
  /** Capturing the stack is a large part of what submitting a tiny task costs. */
  readonly isTraced: boolean
  readonly id: number
  readonly request: TaskRequest
  /** The function that it runs. Held, so that what workers know it by is not forgotten before. */
  readonly fn: Function
  readonly definition: Definition | undefined
  readonly attempts: Attempts | undefined
  readonly runTimeoutMs: number | undefined
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/**
 * One task, encoded when it was submitted: what its arguments become later is not seen, and it can be sent again. Until it
 * is settled, it is in exactly one place: waiting in the dispatcher, at a worker, or between two attempts.
 */
export class Task {
  readonly id: number
  readonly bytes: Buffer
  /** The function it names by key, which its worker must have got before. */
  readonly definition: Definition | undefined
  readonly attempts: Attempts | undefined
  readonly runTimeoutMs: number | undefined
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  /** Where it was submitted: the trace of an error leads from the worker to here. Formatted only then. */
  readonly caller: Error
  readonly fn: Function
  readonly #encoded: Encoded

  constructor({ call, isTraced, id, request, fn, definition, attempts, runTimeoutMs, resolve, reject }: TaskSettings) {
    this.#encoded = encode(request, '')
    this.caller = isTraced ? ({} as Error) : UNTRACED
    if (isTraced) Error.captureStackTrace(this.caller, call)
    this.id = id
    this.bytes = frame([id], this.#encoded)
    this.fn = fn
    this.definition = definition
    this.attempts = attempts
    this.runTimeoutMs = runTimeoutMs
    this.resolve = resolve
    this.reject = reject
  }

  /** The bytes are with a worker: handles in them are in flight. */
  sent(): void {
    this.#encoded.commit()
  }

  /** No worker will decode the bytes any more. Harmless for handles that arrived. */
  dropped(): void {
    this.#encoded.abort()
  }

  /** Ends it, where no answer of a worker does. */
  fail(reason: unknown): void {
    this.dropped()
    this.reject(reason)
  }
}
