/**
 * Looks inside functions with an inspector session of this thread's own, which nobody else sees.
 *
 * Nothing is switched on for a look: locations, scopes and bound parts are internal properties. The Debugger domain is
 * on only while the source of a script not seen before is fetched (20-50 ms the first time, 2-5 ms later on).
 * Session callbacks are synchronous.
 */
import { createRequire } from 'node:module'
import type { Debugger, Runtime, Session } from 'node:inspector'

export interface ScopeView {
  /** V8's word for it: `Module`, `Script`, `Global`, `Closure (make)`, `Block`, … */
  readonly description: string
  /** A snapshot. Reading a variable that has no value yet throws (Node 24) or gives undefined (Node 20). */
  readonly variables: Record<string, unknown>
}

export interface Look {
  readonly location?: { readonly scriptId: string; readonly line: number; readonly column: number }
  /** Innermost first. */
  readonly scopes: readonly ScopeView[]
  readonly bound?: { readonly target: Function; readonly self: unknown; readonly args: readonly unknown[] }
}

export interface Script {
  readonly id: string
  readonly url: string
  readonly source: string
  readonly isModule: boolean
  readonly contextId: number
  readonly startLine: number
  readonly startColumn: number
}

/** Without a prototype, and without `out` but for a moment: whatever it holds costs a call to let go of. */
interface Slot {
  value: unknown
  out?: unknown[]
}

interface Connection {
  readonly session: Session
  readonly slot: Slot
  readonly slotId: string
}

let connection: Connection | undefined
let failure: unknown
const scripts = new Map<string, Script>()
/** Programs that compile without end must not grow this for ever; what is dropped is fetched again. */
const SCRIPTS_KEPT = 1000

/** Why functions cannot be looked into here, or undefined if they can. */
export function whyBlind(): unknown {
  connect()
  return failure
}

function connect(): Connection | undefined {
  if (connection !== undefined || failure !== undefined) return connection
  try {
    const { Session } = createRequire(import.meta.url)('node:inspector') as typeof import('node:inspector')
    const session = new Session()
    session.connect()
    const slot: Slot = Object.assign(Object.create(null) as Slot, { value: undefined })
    const name = `mp$${process.hrtime.bigint().toString(36)}`
    Object.defineProperty(globalThis, name, { value: slot, configurable: true })
    try {
      const { result } = call<Runtime.EvaluateReturnType>(session, 'Runtime.evaluate', { expression: name })
      // In a vm context (jest) the inspector's global is another one.
      if (result.objectId === undefined) throw new Error('this code runs in a vm context')
      connection = { session, slot, slotId: result.objectId }
    } finally {
      delete (globalThis as Record<string, unknown>)[name]
    }
  } catch (error) {
    failure = error
  }
  return connection
}

function connected(): Connection {
  const made = connect()
  if (made === undefined) throw failure
  return made
}

function call<Result>(session: Session, method: string, params?: object): Result {
  let outcome: { error: Error | null; result: unknown } | undefined
  session.post(method, params, (error: Error | null, result?: unknown) => {
    outcome = { error, result }
  })
  if (outcome === undefined || outcome.error !== null) throw new Error(`inspector: ${method} failed`, { cause: outcome?.error })
  return outcome.result as Result
}

/** Location, scopes and bound parts of `fn`, as native values: four calls, whatever the number of variables. */
export function look(fn: Function): Look {
  const { session, slot, slotId } = connected()
  const held: string[] = []
  slot.value = fn
  try {
    // The function's id comes from the slot's properties, which, unlike a call, compiles nothing.
    const own = call<Runtime.GetPropertiesReturnType>(session, 'Runtime.getProperties', { objectId: slotId, ownProperties: true })
    let fnId: string | undefined
    for (const { name, value } of own.result) {
      if (value?.objectId === undefined) continue
      held.push(value.objectId)
      if (name === 'value') fnId = value.objectId
    }
    for (const { value } of own.internalProperties ?? []) if (value?.objectId !== undefined) held.push(value.objectId)
    const inside = call<Runtime.GetPropertiesReturnType>(session, 'Runtime.getProperties', { objectId: fnId, ownProperties: true })
    for (const { value, get, set } of inside.result) for (const o of [value, get, set]) if (o?.objectId !== undefined) held.push(o.objectId)
    const internal: Record<string, Runtime.RemoteObject> = {}
    for (const { name, value } of inside.internalProperties ?? []) {
      if (value === undefined) continue
      internal[name] = value
      if (value.objectId !== undefined) held.push(value.objectId)
    }
    const place = internal['[[FunctionLocation]]']?.value as Debugger.Location | undefined
    const wanted = ['[[Scopes]]', '[[TargetFunction]]', '[[BoundThis]]', '[[BoundArgs]]'].map((name) => internal[name])
    call(session, 'Runtime.callFunctionOn', {
      objectId: slotId,
      functionDeclaration: 'function(...a){this.out=a}',
      // Passing the internal scope list itself hands all scopes over at once, as native objects.
      arguments: wanted.map((o) =>
        o === undefined ? {} : o.objectId !== undefined ? { objectId: o.objectId } : o.unserializableValue !== undefined ? { unserializableValue: o.unserializableValue } : { value: o.value },
      ),
    })
    const [scopes, target, self, args] = slot.out as unknown as [ArrayLike<{ description: string; object: Record<string, unknown> }> | undefined, Function?, unknown?, ArrayLike<unknown>?]
    return {
      location: place && { scriptId: place.scriptId, line: place.lineNumber, column: place.columnNumber ?? 0 },
      scopes: scopes === undefined ? [] : Array.prototype.slice.call(scopes).map((scope) => ({ description: scope.description, variables: scope.object })),
      bound: target && { target, self, args: Array.prototype.slice.call(args) },
    }
  } finally {
    slot.value = undefined
    delete slot.out
    for (const objectId of held) call(session, 'Runtime.releaseObject', { objectId })
  }
}

/** Switching the Debugger on costs by the number of scripts: the program's own, up to so much, are fetched along. */
const AHEAD_CHARACTERS = 1_000_000

/** The script with this id: its source as the engine runs it (types stripped, transpiled). */
export function script(id: string): Script | undefined {
  const known = scripts.get(id)
  if (known !== undefined) return known
  const { session } = connected()
  const alive: Debugger.ScriptParsedEventDataType[] = []
  const listen = ({ params }: { params: Debugger.ScriptParsedEventDataType }): void => {
    alive.push(params)
  }
  session.on('Debugger.scriptParsed', listen)
  try {
    // On enabling, the engine reports all scripts that are alive.
    call(session, 'Debugger.enable')
    session.off('Debugger.scriptParsed', listen)
    const asked = alive.find(({ scriptId }) => scriptId === id)
    if (asked === undefined) return undefined
    let ahead = AHEAD_CHARACTERS
    for (const other of alive) {
      if (other.scriptId === id || scripts.has(other.scriptId) || !other.url.startsWith('file:') || other.url.includes('/node_modules/')) continue
      ahead -= other.length ?? AHEAD_CHARACTERS
      if (ahead < 0 || scripts.size >= SCRIPTS_KEPT - 1) break
      fetch(session, other)
    }
    return fetch(session, asked)
  } finally {
    session.off('Debugger.scriptParsed', listen)
    call(session, 'Debugger.disable')
  }
}

function fetch(session: Session, found: Debugger.ScriptParsedEventDataType): Script {
  const { scriptSource } = call<Debugger.GetScriptSourceReturnType>(session, 'Debugger.getScriptSource', { scriptId: found.scriptId })
  const made: Script = {
    id: found.scriptId,
    url: found.url,
    source: scriptSource,
    isModule: found.isModule === true,
    contextId: found.executionContextId,
    startLine: found.startLine,
    startColumn: found.startColumn,
  }
  if (scripts.size >= SCRIPTS_KEPT) scripts.delete(scripts.keys().next().value as string)
  scripts.set(made.id, made)
  return made
}

let ownContextId: number | undefined
/** Whether the script runs in another vm context than this code: its classes and globals would be others. */
export function isForeign(of: Script): boolean {
  ownContextId ??= script(look(look).location?.scriptId ?? '')?.contextId
  return of.contextId !== ownContextId
}
