import { isConstant } from '@multiproc/closure'
import { encode } from '@multiproc/core'
import type { Encoded } from '@multiproc/core'
import { constantsIn } from './constant.ts'
import { DEFINE, FORGET, keepRecord, NO_TASK, shortRecord } from './protocol.ts'
import type { Record } from './protocol.ts'

/** A function, or a constant's value, as workers get it before the first task that names it by key. */
export class Definition {
  readonly key: number
  readonly record: Record
  readonly encoded: Encoded
  /** The constants it names itself. */
  readonly needs: readonly Definition[] | undefined
  /** Whose workers know it by its key. */
  readonly owner: Definitions

  constructor(owner: Definitions, key: number, value: unknown, root: string) {
    const { encoded, needs } = constantsIn(owner, () => encode(value, root))
    this.owner = owner
    this.encoded = encoded
    this.needs = needs
    this.key = key
    this.record = keepRecord([-key, DEFINE, key, 0], encoded)
  }

  /** No worker needs it any more. */
  dropped(): void {
    this.encoded.abort()
  }

  /** Tells a worker to let go of it. Valid until the next record is made. */
  forgetRecord(): Record {
    return shortRecord([NO_TASK, FORGET, this.key, 0], { scratch: new Uint8Array(0), length: 0 })
  }
}

type Known = Definition | 'used once' | 'changes'

/**
 * Which functions are sent once to each worker and named by key from then on. A function gets a key at its second use,
 * and only if all it captures is constant: what changes must be sent anew each time. So a fresh closure for each task
 * leaves nothing behind in the workers.
 */
export class Definitions {
  readonly #known = new WeakMap<object, Known>()
  readonly #collected: FinalizationRegistry<Definition>
  #lastKey = 0
  /** The last one asked for, found without a look into the map. */
  #lastFn: WeakRef<Function> | undefined
  #lastDefinition: Definition | undefined

  /** @param forget - called with definitions whose function or constant was collected here. */
  constructor(forget: (definition: Definition) => void) {
    this.#collected = new FinalizationRegistry(forget)
  }

  /** The definition to use for a single task; undefined: send the function with the task. */
  forTask(fn: Function): Definition | undefined {
    if (this.#lastDefinition !== undefined && this.#lastFn?.deref() === fn) return this.#lastDefinition
    const known = this.#known.get(fn)
    if (known === undefined) {
      this.#known.set(fn, 'used once')
      return undefined
    }
    if (known === 'changes') return undefined
    const definition = known === 'used once' ? this.#define(fn) : known
    if (definition === undefined) return undefined
    this.#lastFn = new WeakRef(fn)
    this.#lastDefinition = definition
    return definition
  }

  /** A definition for the chunks of one map: what `fn` captures is read once, when the map begins. */
  forMap(fn: Function): Definition {
    return new Definition(this, ++this.#lastKey, fn, 'fn')
  }

  /** The definition of a constant, whose workers forget it when `owner` is collected. */
  forConstant(owner: object, value: unknown): Definition {
    const definition = new Definition(this, ++this.#lastKey, value, 'value')
    this.#collected.register(owner, definition)
    return definition
  }

  #define(fn: Function): Definition | undefined {
    if (!isConstant(fn)) {
      this.#known.set(fn, 'changes')
      return undefined
    }
    const definition = this.forMap(fn)
    this.#known.set(fn, definition)
    this.#collected.register(fn, definition)
    return definition
  }
}
