import { argumentType } from '../arguments.ts'
import { oneTable } from '../one-table.ts'
import { REBUILD, REDUCE } from './format.ts'

/** How instances of a class travel: as parts, from which a function makes one again. Python: `copyreg.pickle`. */
export interface Reducer<T extends object = object, P extends readonly unknown[] = readonly unknown[]> {
  /** The parts: values that can be sent. Must not lead back to `value`. */
  reduce(value: T): P
  /** Runs in the receiving process. Sent like any function: an exported one by reference, else with what it captured. */
  rebuild(...parts: P): T
}

/** What the encoder writes for a reduced value. */
export interface Reduced {
  readonly parts: readonly unknown[]
  /** The rebuilding function, or the class whose static method does it. */
  readonly by: Function
  readonly isClass: boolean
}

const reducers = oneTable('reducers', () => new WeakMap<Function, Reducer>())

/**
 * Says how instances of `Class` (not of its subclasses) are sent. For a class of your own, methods under
 * `Symbol.for('multiproc.reduce')` and, static, `Symbol.for('multiproc.rebuild')` do the same and are inherited.
 *
 * @param reducer.reduce - gives the parts to send: an array of values that can be sent themselves.
 * @param reducer.rebuild - makes the value from the parts in the receiving process; needs no registration there.
 * @throws TypeError ERR_MULTIPROC_ARG_TYPE
 * @remarks The last registration for a class holds. Python: `copyreg.pickle(type, function)`.
 * @example registerReducer(Temperature, { reduce: (t) => [t.kelvin], rebuild: (kelvin) => new Temperature(kelvin) })
 */
export function registerReducer<T extends object, P extends readonly unknown[]>(
  Class: abstract new (...args: never[]) => T,
  reducer: Reducer<T, P>,
): void {
  if (typeof Class !== 'function') throw argumentType('`registerReducer()`: Class', 'a class', Class)
  for (const name of ['reduce', 'rebuild'] as const) {
    if (typeof reducer?.[name] !== 'function') throw argumentType(`\`registerReducer()\`: reducer.${name}`, 'a function', reducer?.[name])
  }
  reducers.set(Class, reducer as unknown as Reducer)
}

/** The parts of `value` by its class's reducer; `undefined` if there is none. */
export function reduce(value: object, Class: unknown): Reduced | undefined {
  if (typeof Class !== 'function') return undefined
  const registered = reducers.get(Class)
  if (registered) return { parts: checkedParts(registered.reduce(value)), by: registered.rebuild, isClass: false }
  const own = (value as { [REDUCE]?: unknown })[REDUCE]
  if (typeof own !== 'function') return undefined
  if (typeof (Class as { [REBUILD]?: unknown })[REBUILD] !== 'function') {
    throw argumentType(`class ${Class.name}: static [Symbol.for('multiproc.rebuild')]`, 'a function', (Class as { [REBUILD]?: unknown })[REBUILD])
  }
  return { parts: checkedParts(own.call(value)), by: Class, isClass: true }
}

function checkedParts(parts: unknown): readonly unknown[] {
  if (!Array.isArray(parts)) throw argumentType("a reducer's `reduce()` result", 'an array of parts', parts)
  return parts
}
