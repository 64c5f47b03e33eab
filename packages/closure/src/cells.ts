/**
 * Which functions of one message share a reassigned variable.
 *
 * Such a variable travels as a box `{ value }` in the message's graph, so sharing is the graph's own. Scopes read
 * through the inspector are snapshots: equal ones may be two scopes of one factory, or the same. Told apart or known to
 * be one:
 *
 *   a script's top level                                   one
 *   scopes that differ in anything                         two
 *   a function held, for good, by a name of the scope      made in that very scope: one with what holds the name
 *   anything else                                          cannot be decided; matters only if the variable is written
 */
import type { FunctionTable } from '@multiproc/core'
import type { ScopeView } from './inspector.ts'

export interface Box {
  value: unknown
}

interface Sharer {
  readonly scopes: readonly ScopeView[]
  readonly token: object
  readonly box: Box
  writes: boolean
}

/** A scope chain is named by how many scopes there are from it outwards. */
type Tokens = Map<number, object>

interface Message {
  /** By the variable's declaration. */
  readonly cells: Map<string, Sharer[]>
  /** What is known to be one scope has one token. */
  readonly tokens: Map<Function, Tokens>
}

const messages = new WeakMap<FunctionTable, Message>()

function messageOf(table: FunctionTable): Message {
  let message = messages.get(table)
  if (message === undefined) messages.set(table, (message = { cells: new Map(), tokens: new Map() }))
  return message
}

function tokenOf({ tokens }: Message, fn: Function, length: number): object {
  let own = tokens.get(fn)
  if (own === undefined) tokens.set(fn, (own = new Map()))
  let token = own.get(length)
  if (token === undefined) own.set(length, (token = {}))
  return token
}

/** Notes that `inner` was made in the scope of `fn` from which `length` scopes lead outwards. */
export function madeInScopeOf(table: FunctionTable, fn: Function, length: number, inner: Function): void {
  const message = messageOf(table)
  for (let outwards = length; outwards > 0; outwards--) {
    const token = tokenOf(message, fn, outwards)
    const known = message.tokens.get(inner)
    if (known === undefined) message.tokens.set(inner, new Map([[outwards, token]]))
    else if (!known.has(outwards)) known.set(outwards, token)
  }
}

/**
 * The box of a variable of `fn` declared at `key` and found in the first of `scopes`; undefined if it cannot be told
 * whether it is one that another function of this message has.
 */
export function boxFor(table: FunctionTable, fn: Function, key: string, scopes: readonly ScopeView[], value: unknown, writes: boolean): Box | undefined {
  const message = messageOf(table)
  const token = tokenOf(message, fn, scopes.length)
  let sharers = message.cells.get(key)
  if (sharers === undefined) message.cells.set(key, (sharers = []))
  const same = sharers.find((sharer) => sharer.token === token || isSingle(scopes[0]))
  if (same !== undefined) {
    same.writes ||= writes
    // A writer that joins makes others, which were no danger as readers, undecidable.
    return same.writes && sharers.some((other) => other !== same && !differ(other.scopes, scopes)) ? undefined : same.box
  }
  if (sharers.some((other) => (other.writes || writes) && !differ(other.scopes, scopes))) return undefined
  const made: Sharer = { scopes, token, box: { value }, writes }
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
