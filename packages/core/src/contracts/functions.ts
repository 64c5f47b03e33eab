import { oneTable } from '../one-table.ts'

/**
 * How functions and classes get into messages. core knows no way to send one: the first package that depends on
 * `@multiproc/closure` registers it here. Without it a function in a message is refused with `ERR_MULTIPROC_NO_CLOSURE`.
 *
 * One message carries one table of functions. While encoding, the codec asks the table for the index of every function
 * and class it meets; `describe` may ask for the index of further ones (a class its base class, a function its callees).
 */
export interface FunctionTable {
  /** The index of `fn` in this message's table; a function not met before is added, and described later. */
  indexOf(fn: Function): number
}

export interface FunctionRecord {
  /** What names or rebuilds the function: JSON-like data only. May name other functions of the table by index. */
  readonly head: unknown
  /** Captured values, own properties and the like: any values, encoded in the message's one graph (cycles and sharing hold). */
  readonly parts: readonly unknown[]
  /** For error texts: the path of each part behind the function's own, e.g. `[[connection]]`. */
  readonly partPaths: readonly string[]
}

export interface FunctionShipper {
  /** Called once for each function of a message. Throws a `MultiprocError` whose `details.path` is the path behind the function. */
  describe(fn: Function, table: FunctionTable): FunctionRecord
  /** Loads (asynchronously, so top-level await works) the modules that `create` will need. Optional for the caller. */
  preload(heads: readonly unknown[]): Promise<void>
  /**
   * Makes every function of a message from the heads, before any part is decoded. `fill` is then called once for each
   * function, as soon as its own parts are decoded: those it needs first (its base class, the functions it captured)
   * are filled by then, except in a cycle. So a reducer's `rebuild`, which runs while the rest of the message is still
   * undecoded, finds its captured variables. Nothing of the user's runs in `create` beyond what evaluating a class needs.
   */
  create(heads: readonly unknown[]): { readonly functions: readonly Function[]; fill(index: number, parts: readonly unknown[]): void }
  /** True when instances of the class have `#private` state that own fields do not show: they are refused. */
  hasPrivateState?(Class: Function): boolean
}

const registered = oneTable<{ shipper?: FunctionShipper }>('functions', () => ({}))

export function registerFunctions(shipper: FunctionShipper): void {
  registered.shipper = shipper
}

export function functionShipper(): FunctionShipper | undefined {
  return registered.shipper
}
