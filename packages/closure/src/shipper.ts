/** How a function travels: by the name everybody knows it under, by the export that holds it, or by value. */
import { types } from 'node:util'
import { registerFunctions, type FunctionRecord, type FunctionShipper, type FunctionTable } from '@multiproc/core'
import { isScriptVariable, makeBlueprint, type Blueprint } from './blueprint.ts'
import { captureRebuilt, captureSource, captureBound } from './capture.ts'
import { privateMember } from './class-source.ts'
import { constantGraph, seal, sealedRecord } from './constant.ts'
import type { Head } from './heads.ts'
import { isForeign, look, script, whyBlind, type Look, type Script } from './inspector.ts'
import { builtinPlace, globalPlace, isNative } from './intrinsics.ts'
import { exportOf, requiredExportOf } from './locate.ts'
import { partAt } from './part.ts'
import { boundOriginOf, createFunctions, originOf, preloadHeads, type BoundParts } from './rebuild.ts'
import { referenceOf } from './references.ts'
import { refusal } from './refusals.ts'
import { analysisOf, functionAt, isClass, offsetOf, parse } from './source.ts'
import { analyse } from './scope.ts'

/** Functions that travel by name alone. */
const named = new WeakMap<Function, Head>()
const blueprintOf = new WeakMap<Function, Blueprint>()
/** By script, then place. */
const blueprints = new Map<string, Map<string, Blueprint>>()
const SCRIPTS_KEPT = 1000

function describe(fn: Function, table: FunctionTable): FunctionRecord {
  const name = named.get(fn)
  if (name !== undefined) return alone(name)
  return sealedRecord(fn) ?? sealNow(fn) ?? describeOpen(fn, table)
}

/** From the second send on: at the first it is not known yet what the function captures. */
function sealNow(fn: Function): FunctionRecord | undefined {
  const graph = constantGraph(fn, (one) => named.has(one))
  return graph && seal(fn, graph, (one, table) => (named.has(one) ? alone(named.get(one) as Head) : describeOpen(one, table)))
}

function describeOpen(fn: Function, table: FunctionTable): FunctionRecord {
  const origin = originOf(fn)
  const known = blueprintOf.get(fn)
  if (origin !== undefined) return record(captureRebuilt(fn, origin, table))
  if (known !== undefined) return record(captureSource(fn, known, undefined, table))
  const found = find(fn)
  if ('kind' in found) {
    named.set(fn, found)
    return alone(found)
  }
  if ('target' in found) return record(captureBound(fn, found, table))
  const { seen, from } = found
  const blueprint = blueprintAt(fn, seen, from)
  blueprintOf.set(fn, blueprint)
  return record(captureSource(fn, blueprint, seen, table))
}

function alone(head: Head): FunctionRecord {
  return { head, parts: [], partPaths: [] }
}

function record({ head, parts }: { head: Head; parts: { values: unknown[]; paths: string[] } }): FunctionRecord {
  return { head, parts: parts.values, partPaths: parts.paths }
}

/** What the function is: a name, a bound function's parts, or a place in a script. */
function find(fn: Function): Head | BoundParts | { seen: Look; from: Script } {
  const reference = referenceOf(fn)
  if (reference !== undefined) return { kind: 'reference', reference }
  if (types.isProxy(fn)) throw refusal('ERR_MULTIPROC_NOT_SENDABLE', fn, 'it is a Proxy, and its handler cannot be seen', 'Send its target, or a function that makes the proxy.')
  const place = globalPlace(fn)
  if (place !== undefined) return { kind: 'known', ...place }
  const wrapped = boundOriginOf(fn)
  if (wrapped !== undefined) return wrapped
  const native = isNative(fn)
  const builtin = native ? builtinPlace(fn) : undefined
  if (builtin !== undefined) return { kind: 'known', ...builtin }
  const reason = whyBlind()
  if (reason !== undefined) {
    const required = requiredExportOf(fn)
    if (required !== undefined) return required
    throw refusal('ERR_MULTIPROC_UNSUPPORTED', fn, `functions cannot be looked into here (${(reason as Error).message})`, 'Send one that a CommonJS module exports, or the names of a module and an export, and load it at the other end.')
  }
  const seen = look(fn)
  if (seen.bound !== undefined) return seen.bound
  if (seen.location === undefined) throw refusal('ERR_MULTIPROC_NO_SOURCE', fn, 'it is native and has no source', 'Send a function that calls it, or makes it there.')
  const from = script(seen.location.scriptId)
  if (from === undefined) throw refusal('ERR_MULTIPROC_NO_SOURCE', fn, 'the engine does not show its source', 'Export it from a module.')
  if (from.url.startsWith('node:')) {
    const inside = builtinPlace(fn)
    if (inside !== undefined) return { kind: 'known', ...inside }
    throw refusal('ERR_MULTIPROC_NO_SOURCE', fn, `it belongs to Node itself (${from.url})`, 'Send a function that makes or calls it.')
  }
  if (isForeign(from)) throw refusal('ERR_MULTIPROC_NO_SOURCE', fn, 'it belongs to another vm context', 'Send a function that was made in the main context.')
  return exportOf(fn, seen, from) ?? { seen, from }
}

function blueprintAt(fn: Function, seen: Look, from: Script): Blueprint {
  const { line, column } = seen.location as NonNullable<Look['location']>
  let places = blueprints.get(from.id)
  if (places === undefined) {
    if (blueprints.size >= SCRIPTS_KEPT) blueprints.delete(blueprints.keys().next().value as string)
    blueprints.set(from.id, (places = new Map()))
  }
  const at = `${line}:${column}`
  let made = places.get(at)
  if (made === undefined) places.set(at, (made = readBlueprint(fn, seen, from)))
  return made
}

function readBlueprint(fn: Function, seen: Look, from: Script): Blueprint {
  const { line, column } = seen.location as NonNullable<Look['location']>
  const isInScopes = (name: string): boolean => seen.scopes.some(({ description, variables }) => !description.startsWith('Global') && Object.hasOwn(variables, name)) || isScriptVariable(name)
  const offset = offsetOf(from, line, column)
  const part = partAt(from, offset, isInScopes)
  if (part !== undefined) return makeBlueprint(from, part.analysis, part.place, isInScopes)
  const analysis = analysisOf(from)
  const place = analysis && functionAt(analysis, offset)
  if (analysis !== undefined && place !== undefined) return makeBlueprint(from, analysis, place, isInScopes)
  // The whole script cannot be read: the function's own text, all names looked up in its scopes, imports as values.
  const text = Function.prototype.toString.call(fn)
  for (const [before, after] of [['(', ')'], ['({', '})']] as const) {
    try {
      const source = before + text + after
      const own: Script = { ...from, source, startLine: line, startColumn: Math.max(0, column - before.length) }
      const alone = analyse(parse(source, false), from.isModule)
      const [outermost] = alone.functions
      if (outermost !== undefined) return makeBlueprint(own, alone, outermost, isInScopes)
    } catch {
      // Try it as a method.
    }
  }
  throw refusal('ERR_MULTIPROC_NO_SOURCE', fn, `its source (${from.url}) has syntax that is not understood`, 'Export it from a module.')
}

/** Whether instances of this very class (not of its base) carry `#private` members. */
const privates = new WeakMap<Function, boolean>()
function hasPrivateState(Class: Function): boolean {
  for (let one: unknown = Class; typeof one === 'function' && one !== Function.prototype; one = Object.getPrototypeOf(one)) {
    let found = privates.get(one)
    if (found === undefined) privates.set(one, (found = readPrivate(one)))
    if (found) return true
  }
  return false
}

function readPrivate(Class: Function): boolean {
  const text = Function.prototype.toString.call(Class)
  if (!text.startsWith('class') || !/#[\p{ID_Start}$_]/u.test(text)) return false
  try {
    const [statement] = parse(`(${text})`, false).body
    const node = statement?.type === 'ExpressionStatement' ? statement.expression : undefined
    return node?.type === 'ClassExpression' && isClass(node) && privateMember(node) !== undefined
  } catch {
    return true // What cannot be read may have some.
  }
}

/**
 * Whether sending `fn` again would send the very same: it travels by name, or everything it captures can never change.
 * Cheap for a function that was sent before; one never sent is false.
 */
export function isConstant(fn: Function): boolean {
  return named.has(fn) || sealedRecord(fn) !== undefined || constantGraph(fn, (one) => named.has(one)) !== undefined
}

export const shipper: FunctionShipper = {
  describe,
  preload: (heads) => preloadHeads(heads as readonly Head[]),
  create: (heads) => createFunctions(heads as readonly Head[]),
  hasPrivateState,
}

registerFunctions(shipper)
