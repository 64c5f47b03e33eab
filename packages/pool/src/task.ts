import { encode } from '@multiproc/core'
import type { Encoded } from '@multiproc/core'
import type { Definition } from './definitions.ts'
import { frame } from './protocol.ts'
import type { TaskRequest } from './protocol.ts'

/** One task, encoded when it was submitted: what its arguments become later is not seen, and it can be sent again. */
export class Task {
  readonly id: number
  readonly bytes: Buffer
  /** The function it names by key, which its worker must have got before. */
  readonly definition: Definition | undefined
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  /** Where it was submitted: the trace of an error leads from the worker to here. Formatted only then. */
  readonly caller = {} as Error
  readonly #encoded: Encoded

  /** @param call - the public function at whose caller the trace ends. */
  constructor(call: Function, id: number, request: TaskRequest, definition: Definition | undefined, resolve: (value: unknown) => void, reject: (error: unknown) => void) {
    this.#encoded = encode(request, '')
    Error.captureStackTrace(this.caller, call)
    this.id = id
    this.bytes = frame([id], this.#encoded)
    this.definition = definition
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
}
