import { MultiprocError, registerReducer } from '@multiproc/core'
import type { Definition } from './definitions.ts'
import { definedValue } from './child/defined.ts'

/** The definitions of the constants in the message that is being encoded, once there are any. */
let found: Set<Definition> | undefined
/** Whose tasks they are in; undefined: nobody's. */
let collector: object | undefined

let definitionOf: (constant: Constant<unknown>) => Definition
export let makeConstant: <T>(value: T, define: (constant: Constant<T>) => Definition) => Constant<T>

/**
 * A value that goes to each worker once, however many tasks name it: made by `pool.constant(value)`, passed as an argument
 * or captured, read as `.value`. A copy, like an argument: what a worker changes in its own is seen by nobody else.
 */
export class Constant<T> {
  readonly value: T
  #definition: Definition | undefined

  /** @internal See `Pool.constant`. */
  constructor(value: T) {
    this.value = value
  }

  static {
    makeConstant = (value, define) => {
      const constant = new Constant(value)
      constant.#definition = define(constant)
      return constant
    }
    definitionOf = (constant) => {
      if (constant.#definition === undefined || constant.#definition.owner !== collector) {
        throw new MultiprocError('ERR_MULTIPROC_NOT_SENDABLE', 'A Constant reaches only the tasks of the pool that made it. Send its value.')
      }
      return constant.#definition
    }
  }
}

registerReducer(Constant, {
  reduce: (constant: Constant<unknown>): [number] => {
    const definition = definitionOf(constant)
    found ??= new Set()
    found.add(definition)
    return [definition.key]
  },
  rebuild: definedValue,
})

/** Runs `write`, which encodes something for the workers of `owner`, and tells which constants it named. */
export function constantsIn<T>(owner: object, write: () => T): { readonly encoded: T; readonly needs: readonly Definition[] | undefined } {
  const outer = { found, collector }
  found = undefined
  collector = owner
  try {
    return { encoded: write(), needs: theirs(found) }
  } finally {
    ;({ found, collector } = outer)
  }
}

function theirs(found: Set<Definition> | undefined): readonly Definition[] | undefined {
  if (found === undefined) return undefined
  // A set grows while it is walked: those that a constant names itself come too, and first.
  for (const definition of found) for (const inner of definition.needs ?? []) found.add(inner)
  return [...found].reverse()
}
