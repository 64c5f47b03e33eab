/**
 * Which functions of one message share a reassigned variable.
 *
 * Such a variable travels as a box `{ value }` in the message's graph, so sharing is the graph's own. Scopes read
 * through the inspector are snapshots: equal ones may be two scopes of one factory, or the same. A script's top level
 * exists once; scopes that differ in anything are two; what is left cannot be decided, and matters only if one of the
 * functions writes the variable.
 */
import type { FunctionTable } from '@multiproc/core'
import type { ScopeView } from './inspector.ts'

export interface Box {
  value: unknown
}

interface Sharer {
  readonly scopes: readonly ScopeView[]
  readonly box: Box
  writes: boolean
}

const messages = new WeakMap<FunctionTable, Map<string, Sharer[]>>()

/**
 * The box of the variable `name`, declared at `key`, found in the first of `scopes`; undefined if it cannot be told
 * whether it is one that another function of this message has.
 */
export function boxFor(table: FunctionTable, key: string, scopes: readonly ScopeView[], value: unknown, writes: boolean): Box | undefined {
  let cells = messages.get(table)
  if (cells === undefined) messages.set(table, (cells = new Map()))
  let sharers = cells.get(key)
  if (sharers === undefined) cells.set(key, (sharers = []))
  for (const sharer of sharers) {
    if (isSingle(scopes[0])) {
      sharer.writes ||= writes
      return sharer.box
    }
    if (differ(sharer.scopes, scopes)) continue
    if (sharer.writes || writes) return undefined
  }
  const made: Sharer = { scopes, box: { value }, writes }
  sharers.push(made)
  return made.box
}

function isSingle(scope: ScopeView | undefined): boolean {
  return scope === undefined || /^(Module|Script|Global)/.test(scope.description)
}

function differ(one: readonly ScopeView[], other: readonly ScopeView[]): boolean {
  if (one.length !== other.length) return true
  return one.some(({ description, variables }, index) => {
    const twin = other[index] as ScopeView
    if (description !== twin.description) return true
    if (isSingle(twin)) return false
    return Object.keys(variables).some((name) => !Object.is(read(variables, name), read(twin.variables, name)))
  })
}

function read(variables: Record<string, unknown>, name: string): unknown {
  try {
    return variables[name]
  } catch {
    return undefined
  }
}
