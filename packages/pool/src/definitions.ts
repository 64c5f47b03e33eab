import { isConstant } from '@multiproc/closure'
import { encode } from '@multiproc/core'
import type { Encoded } from '@multiproc/core'
import { DEFINE, FORGET, frame, NO_TASK } from './protocol.ts'

/** A function as workers get it before the first task that names it by key. */
export class Definition {
  readonly key: number
  readonly bytes: Buffer
  readonly encoded: Encoded

  constructor(key: number, fn: Function) {
    this.encoded = encode({ kind: DEFINE, key, fn }, '')
    this.key = key
    this.bytes = frame([-key], this.encoded)
  }

  /** No worker needs it any more. */
  dropped(): void {
    this.encoded.abort()
  }

  /** Tells a worker to let go of it. */
  forgetBytes(): Buffer {
    return frame([NO_TASK], encode({ kind: FORGET, key: this.key }))
  }
}

/**
 * Which functions are sent once to each worker and named by key from then on. A function gets a key at its second use,
 * and only if all it captures is constant: what changes must be sent anew each time. So a fresh closure for each task
 * leaves nothing behind in the workers.
 */
export class Definitions {
  readonly #known = new WeakMap<Function, Definition | 'used once' | 'changes'>()
  readonly #collected: FinalizationRegistry<Definition>
  #lastKey = 0

  /** @param forget - called with definitions whose function was collected here. */
  constructor(forget: (definition: Definition) => void) {
    this.#collected = new FinalizationRegistry(forget)
  }

  /** The definition to use for a single task; undefined: send the function with the task. */
  forTask(fn: Function): Definition | undefined {
    const known = this.#known.get(fn)
    if (known === undefined) {
      this.#known.set(fn, 'used once')
      return undefined
    }
    if (known instanceof Definition) return known
    if (known === 'changes') return undefined
    if (!isConstant(fn)) {
      this.#known.set(fn, 'changes')
      return undefined
    }
    const definition = this.forMap(fn)
    this.#known.set(fn, definition)
    this.#collected.register(fn, definition)
    return definition
  }

  /** A definition for the chunks of one map: what `fn` captures is read once, when the map begins. */
  forMap(fn: Function): Definition {
    return new Definition(++this.#lastKey, fn)
  }
}
