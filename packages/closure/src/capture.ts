/**
 * By value: a function's text and everything its names stand for.
 *
 * Values are read anew at each send, so that the next call sees a changed variable; only what can never change (never
 * reassigned, and a primitive, a function or an import) is kept per function. Text and names come from its blueprint.
 */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { types } from 'node:util'
import type { FunctionTable } from '@multiproc/core'
import type { Blueprint, FreeName } from './blueprint.ts'
import { boxFor, madeInScopeOf } from './cells.ts'
import type { BoundHead, Captured, Plan, Reference, SourceHead } from './heads.ts'
import { idOf } from './identity.ts'
import { look, type Look, type ScopeView } from './inspector.ts'
import { builtinPlace, globalPlace } from './intrinsics.ts'
import { isMainModule } from './locate.ts'
import { isStandard, Parts, takeProperties } from './own-properties.ts'
import type { BoundParts, Origin } from './rebuild.ts'
import { referenceOf } from './references.ts'
import { refusal } from './refusals.ts'

/** What a name was found to hold, for good: everything but the index that a function has in one message. */
type Kept = Captured | KeptFunction | KeptObject

interface KeptFunction {
  readonly fn: Function
  /** Not 0: it was made in the scope from which so many lead outwards. */
  readonly scopes: number
}

/** The variable is constant, what the object holds is not. */
interface KeptObject {
  readonly object: unknown
  readonly path: string
}

/** For functions none of whose variables can change: no look inside is needed again. */
const kept = new WeakMap<Function, readonly Kept[]>()

/** The functions that `fn` captures, if none of its captures can change; undefined before its first send, or if one can. */
export function constantCaptures(fn: Function): readonly Function[] | undefined {
  const captures = kept.get(fn)
  if (captures === undefined || captures.some((one) => 'object' in one)) return undefined
  return captures.flatMap((one) => ('fn' in one ? [one.fn] : []))
}

export function captureSource(fn: Function, blueprint: Blueprint, seen: Look | undefined, table: FunctionTable): { head: SourceHead; parts: Parts } {
  if (blueprint.refused !== undefined) throw refusal(blueprint.refused.code, fn, blueprint.refused.fact, blueprint.refused.instead)
  const parts = new Parts()
  const captures = captureKept(fn, table, parts) ?? captureAnew(fn, blueprint, (seen ?? look(fn)).scopes, table, parts)
  const isMember = (value: unknown): boolean => typeof value === 'function' && (blueprint.memberTexts?.has(Function.prototype.toString.call(value)) ?? false)
  return { head: sourceHead(fn, blueprint.plan, captures, blueprint.hasBase, isMember, table, parts), parts }
}

function captureKept(fn: Function, table: FunctionTable, parts: Parts): Captured[] | undefined {
  return kept.get(fn)?.map((one): Captured => {
    if ('object' in one) {
      parts.add(one.object, one.path)
      return ['part']
    }
    if (!('fn' in one)) return one
    if (one.scopes > 0) madeInScopeOf(table, fn, one.scopes, one.fn)
    return ['function', table.indexOf(one.fn)]
  })
}

function captureAnew(fn: Function, { free }: Blueprint, scopes: readonly ScopeView[], table: FunctionTable, parts: Parts): Captured[] {
  const found: Found = { values: [], canChange: false }
  const captures = free.map((one) => {
    const captured = captureName(fn, one, scopes, table, parts, found)
    if (one.early && (captured[0] === 'part' || captured[0] === 'cell' || captured[0] === 'function')) {
      throw refusal('ERR_MULTIPROC_NOT_SENDABLE', fn, `a computed member name of the class uses \`${one.name}\`, which is no primitive`, 'Use a string, or a symbol made by `Symbol.for`.', `[[${one.name}]]`)
    }
    return captured
  })
  if (!found.canChange) kept.set(fn, found.values)
  return captures
}

/** A function that was itself rebuilt from a message: its text is known, and so is what it was given. */
export function captureRebuilt(fn: Function, { head: { plan, captures: before, base }, held, members }: Origin, table: FunctionTable): { head: SourceHead; parts: Parts } {
  const parts = new Parts()
  const captures = captureKept(fn, table, parts) ?? captureHeld()
  const isMember = (value: unknown): boolean => typeof value === 'function' && (members?.has(value) ?? false)
  return { head: sourceHead(fn, plan, captures, base !== undefined, isMember, table, parts), parts }

  function captureHeld(): Captured[] {
    const scopes = plan.changes ? look(fn).scopes : undefined
    const values: Kept[] = []
    const captures = before.map((captured, index): Captured => {
      const name = plan.names[index] as string
      const value = scopes === undefined ? held[index] : findValue(scopes, name, false)?.value
      switch (captured[0]) {
        case 'value':
        case 'undefined':
        case 'part':
        case 'function': {
          const again = captureValue(value, name, table, parts)
          values.push(keptOf(again, value, name))
          return again
        }
        case 'cell':
          parts.add(value, `[[${name.slice('mp$'.length)}]]`)
          return captured
        default:
          values.push(captured)
          return captured
      }
    })
    if (scopes === undefined && before.every(([kind]) => kind !== 'cell')) kept.set(fn, values)
    return captures
  }
}

function keptOf(captured: Captured, value: unknown, name: string): Kept {
  if (captured[0] === 'function') return { fn: value as Function, scopes: 0 }
  return captured[0] === 'part' ? { object: value, path: `[[${name}]]` } : captured
}

export function captureBound(fn: Function, { target, self, args }: BoundParts, table: FunctionTable): { head: BoundHead; parts: Parts } {
  const parts = new Parts()
  const captures = [captureValue(self, 'this', table, parts), ...args.map((one, index) => captureValue(one, `bound argument ${index}`, table, parts))]
  const own = takeProperties(fn, parts, '', isStandard)
  return { head: { kind: 'bound', id: idOf(fn), name: String(fn.name), length: fn.length, target: table.indexOf(target), captures, own }, parts }
}

function sourceHead(fn: Function, plan: Plan, captures: readonly Captured[], hasBase: boolean, isMember: (value: unknown) => boolean, table: FunctionTable, parts: Parts): SourceHead {
  const skipped = (key: PropertyKey, descriptor: PropertyDescriptor): boolean => isMember(descriptor.value) || isMember(descriptor.get) || isMember(descriptor.set) || isStandard(key, descriptor)
  const own = takeProperties(fn, parts, '', skipped)
  const prototype: unknown = Object.getOwnPropertyDescriptor(fn, 'prototype')?.value
  const hasPrototype = typeof prototype === 'object' && prototype !== null
  const prototypeOwn = hasPrototype ? takeProperties(prototype, parts, '.prototype', (key, descriptor) => (key === 'constructor' && descriptor.value === fn) || isMember(descriptor.value) || isMember(descriptor.get) || isMember(descriptor.set)) : []
  const chain: ('self' | 'prototype')[] = []
  if (!hasBase && !plan.isClass) {
    const selfChain: unknown = Object.getPrototypeOf(fn)
    if (!usualChains.has(selfChain)) {
      chain.push('self')
      parts.add(selfChain, '.[[Prototype]]')
    }
    const parent: unknown = hasPrototype ? Object.getPrototypeOf(prototype) : Object.prototype
    if (parent !== Object.prototype && !usualChains.has(parent)) {
      chain.push('prototype')
      const maker: unknown = parent && Object.getOwnPropertyDescriptor(parent, 'constructor')?.value
      parts.add(typeof maker === 'function' && maker.prototype === parent ? maker : parent, '.prototype.[[Prototype]]')
    }
  }
  const name: unknown = Object.getOwnPropertyDescriptor(fn, 'name')?.value
  return {
    kind: 'source',
    id: idOf(fn),
    name: typeof name === 'string' ? name : '',
    plan,
    captures,
    own,
    prototypeOwn,
    ...(hasBase && { base: table.indexOf(Object.getPrototypeOf(fn) as Function) }),
    ...(chain.length > 0 && { chain }),
  }
}

const usualChains = new Set<unknown>(
  [() => {}, async () => {}, function* () {}, async function* () {}].flatMap((fn) => {
    const chain = Object.getPrototypeOf(fn) as { prototype?: unknown }
    return chain === Function.prototype ? [chain] : [chain, chain.prototype]
  }),
)

interface Found {
  readonly values: Kept[]
  canChange: boolean
}

function captureName(fn: Function, free: FreeName, scopes: readonly ScopeView[], table: FunctionTable, parts: Parts, all: Found): Captured {
  const { name, reference } = free
  if (reference !== undefined && !isMainImport(reference)) {
    all.values.push(reference)
    return reference
  }
  const found = findVariable(fn, free, scopes)
  if (!free.isConstant || reference !== undefined) all.canChange = true
  if (found === undefined) {
    if (free.isDeclared) throw refusal('ERR_MULTIPROC_NO_SOURCE', fn, `its variable \`${name}\` cannot be seen`, 'Export the function from a module, or pass the value as an argument.', `[[${name}]]`)
    const byName: Captured = ['global', name]
    all.values.push(byName)
    return byName
  }
  // Another script may assign what a script (not a module) declares at its top level.
  if (!free.isFixed && /^(Script|Global)/.test((scopes[found.depth] as ScopeView).description)) all.canChange = true
  if (free.isCell) {
    const box = boxFor(table, fn, free.key, scopes.slice(found.depth), found.value, free.writes)
    if (box === undefined) {
      const fact = `whether its variable \`${name}\` is shared with another function of this message cannot be told`
      throw refusal('ERR_MULTIPROC_AMBIGUOUS_CAPTURE', fn, fact, `Keep it in an object that both use (\`const state = { ${name} }\`), or export the functions from a module.`, `[[${name}]]`)
    }
    all.canChange = true
    parts.add(box, `[[${name}]]`)
    return ['cell']
  }
  const value = name === 'arguments' ? Array.from(found.value as ArrayLike<unknown>) : found.value
  const captured = captureValue(value, name, table, parts)
  const scopesOutwards = captured[0] === 'function' && free.isMadeThere ? scopes.length - found.depth : 0
  if (scopesOutwards > 0) madeInScopeOf(table, fn, scopesOutwards, value as Function)
  const one = keptOf(captured, value, name)
  all.values.push('fn' in one ? { fn: one.fn, scopes: scopesOutwards } : one)
  return captured
}

function captureValue(value: unknown, name: string, table: FunctionTable, parts: Parts): Captured {
  switch (typeof value) {
    case 'undefined':
      return ['undefined']
    case 'string':
    case 'boolean':
      return ['value', value]
    case 'number':
      if (Number.isFinite(value) && !Object.is(value, -0)) return ['value', value]
      break
    case 'function':
      return ['function', table.indexOf(value)]
    case 'symbol': {
      const key = Symbol.keyFor(value)
      if (key !== undefined) return ['symbol', key]
      const place = wellKnown.get(value)
      if (place !== undefined) return ['global', place]
      break
    }
    case 'object': {
      if (value === null) return ['value', null]
      const byName = referenceOf(value) ?? objectByName(value)
      if (byName !== undefined) return byName
    }
  }
  parts.add(value, `[[${name}]]`)
  return ['part']
}

/** `Symbol.iterator` and its kin, by path. */
const wellKnown = new Map<symbol, string>(
  Reflect.ownKeys(Symbol).flatMap((key) => {
    const value = (Symbol as unknown as Record<PropertyKey, unknown>)[key]
    return typeof key === 'string' && typeof value === 'symbol' ? [[value, `Symbol.${key}`] as const] : []
  }),
)

const cache = createRequire(import.meta.url).cache as Record<string, { exports?: unknown } | undefined>

/** Objects that are names for something the other process has too: `Math`, `process`, a module. */
function objectByName(value: object): Captured | undefined {
  const place = globalPlace(value)
  if (place !== undefined) return ['global', place.path.join('.')]
  const builtin = builtinPlace(value)
  if (builtin?.module !== undefined && builtin.path.length === 0) return ['import', builtin.module, 'default', 'file:///']
  if (types.isProxy(value)) return undefined
  // What `require` gave: the module itself, but never a copy of it.
  for (const file in cache) {
    if (cache[file]?.exports !== value) continue
    const url = pathToFileURL(file).href
    return isMainModule(url) ? undefined : ['import', url, 'default', url]
  }
  return undefined
}

/** Importing the main module would run the program again: what was imported from it is copied. */
function isMainImport(reference: Reference): boolean {
  if (reference[0] !== 'import') return false
  const [, specifier, , base] = reference
  return /^(\.{0,2}\/|file:)/.test(specifier) && isMainModule(new URL(specifier, base).href)
}

function findVariable(fn: Function, free: FreeName, scopes: readonly ScopeView[]): { value: unknown; depth: number } | undefined {
  const { name, isDeclared, neverUndefined } = free
  let found: ReturnType<typeof findValue>
  try {
    found = findValue(scopes, name, isDeclared)
    // Node 20 shows a variable that has no value yet as undefined.
    if (!(neverUndefined && found !== undefined && found.value === undefined)) return found
  } catch {
    // Later versions throw.
  }
  throw refusal('ERR_MULTIPROC_TDZ', fn, `its variable \`${name}\` has no value yet`, 'Send it after the line that declares the variable has run.', `[[${name}]]`)
}

/** The value that `name` has in the innermost scope that owns it. Top-level `var`s of a script are global properties. */
function findValue(scopes: readonly ScopeView[], name: string, globalToo: boolean): { value: unknown; depth: number } | undefined {
  for (const [depth, { description, variables }] of scopes.entries()) {
    if (description.startsWith('Global') && !globalToo) continue
    if (Object.hasOwn(variables, name)) return { value: variables[name], depth }
  }
  return undefined
}
