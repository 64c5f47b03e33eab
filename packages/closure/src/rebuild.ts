/**
 * The reverse of capture.ts, in the receiving process.
 *
 * Each function's text stands in a factory of its own: imports, primitives and functions that exist already are the
 * factory's parameters (the engine takes them for constants: full speed in hot loops), what arrives later are variables
 * that one call sets. The factory starts at the text's original line and carries its file name, so stacks are true.
 */
import { Script } from 'node:vm'
import { decode, MultiprocError } from '@multiproc/core'
import { BASE } from './class-source.ts'
import type { BoundHead, Captured, ConstantHead, ExportHead, Head, Plan, Reference, SourceHead } from './heads.ts'
import { functionWith, isFromHere, remember } from './identity.ts'
import { knownValue } from './intrinsics.ts'
import { hashOf } from './locate.ts'
import { putProperties } from './own-properties.ts'
import { moduleNamespace, preloadModule, preloadReference, resolveReference } from './references.ts'

/** What a rebuilt function came from: it may be sent on. */
export interface Origin {
  readonly head: SourceHead
  /** What it captured, in the order of the plan's names. */
  readonly held: readonly unknown[]
  /** A class's methods that came with its text. */
  readonly members?: ReadonlySet<Function>
}

export interface BoundParts {
  readonly target: Function
  readonly self: unknown
  readonly args: readonly unknown[]
}

const origins = new WeakMap<Function, Origin>()
const boundOrigins = new WeakMap<Function, () => BoundParts>()

export function originOf(fn: Function): Origin | undefined {
  return origins.get(fn)
}

export function boundOriginOf(fn: Function): BoundParts | undefined {
  return boundOrigins.get(fn)?.()
}

export async function preloadHeads(heads: readonly Head[]): Promise<void> {
  const needed = heads.flatMap((head): Promise<void>[] => {
    if (head.kind === 'constant') return [preloadHeads(headsIn(head))]
    if (head.kind === 'export') return head.commonjs ? [] : [preloadModule(head.url)]
    if (head.kind !== 'source') return []
    return head.captures.filter(isReference).map(preloadReference)
  })
  await Promise.all(needed)
}

function isReference(captured: Captured): captured is Reference {
  return captured[0] === 'import'
}

function headsIn({ heads }: ConstantHead): readonly Head[] {
  return decode(Buffer.from(heads, 'latin1')) as readonly Head[]
}

type Fill = (next: () => unknown) => void

export function createFunctions(heads: readonly Head[]): { functions: readonly Function[]; fill(index: number, parts: readonly unknown[]): void } {
  const functions: Function[] = []
  const fills: (Fill | undefined)[] = []
  const making = new Set<number>()
  for (let index = 0; index < heads.length; index++) make(index)
  return {
    functions,
    fill(index, parts) {
      let at = 0
      fills[index]?.(() => parts[at++])
      fills[index] = undefined
    },
  }

  function make(index: number): Function {
    const made = functions[index]
    if (made !== undefined) return made
    const head = heads[index] as Head
    making.add(index)
    const fn = makeOne(head, index)
    making.delete(index)
    functions[index] = fn
    return fn
  }

  function makeOne(head: Head, index: number): Function {
    switch (head.kind) {
      case 'known':
        return knownValue(head) as Function
      case 'reference':
        return resolveReference(head.reference) as Function
      case 'export':
        return loadExport(head)
      case 'constant':
        return functionWith(head.id) ?? makeConstant(headsIn(head))
    }
    const known = functionWith(head.id)
    // A class arrives once; anything else is made anew, with the values it has now, unless this is where it was made.
    if (known !== undefined && (isFromHere(head.id) || (head.kind === 'source' && (head.plan.isClass || head.isConstant)))) return known
    const fn = head.kind === 'bound' ? makeBound(head, index) : makeSource(head, index)
    remember(head.id, fn)
    return fn
  }

  function makeConstant(heads: readonly Head[]): Function {
    const { functions, fill } = createFunctions(heads)
    for (const index of heads.keys()) fill(index, [])
    return functions[0] as Function
  }

  /** A captured function, if it exists or can be made now: one that is being made further out has to come later. */
  function early(index: number): Function | undefined {
    if (functions[index] === undefined && (making.has(index) || needsUnfinished(index))) return undefined
    return make(index)
  }

  function needsUnfinished(index: number): boolean {
    for (let at: number | undefined = index; at !== undefined; ) {
      const head: Head = heads[at] as Head
      at = head.kind === 'source' ? head.base : head.kind === 'bound' ? head.target : undefined
      if (at !== undefined && making.has(at)) return true
    }
    return false
  }

  function makeSource(head: SourceHead, index: number): Function {
    const { plan, captures } = head
    const given: string[] = []
    const values: unknown[] = []
    const late: { at: number; name: string; index?: number }[] = []
    const held: unknown[] = []
    if (head.base !== undefined) {
      given.push(BASE)
      values.push(make(head.base))
    }
    for (const [at, captured] of captures.entries()) {
      const name = plan.names[at] as string
      const ready = readyValue(captured)
      if (ready !== undefined) {
        given.push(name)
        values.push((held[at] = ready.value))
      } else late.push({ at, name, index: captured[0] === 'function' ? captured[1] : undefined })
    }
    const { value, set } = factory(plan, given, late.map(({ name }) => name))(...values)
    const fn = plan.member === undefined ? (value as Function) : (Object.getOwnPropertyDescriptor(value, 'm')?.[plan.member] as Function)
    const members = plan.isClass && membersOf(fn)
    origins.set(fn, { head, held, ...(members && { members }) })
    rename(fn, head.name)
    // Captured functions are there once all are made; the rest are parts.
    fills[index] = (next) => {
      if (set !== undefined) set(late.map((one) => (held[one.at] = one.index === undefined ? next() : functions[one.index])))
      putProperties(fn, head.own, next)
      putProperties(fn.prototype as object, head.prototypeOwn, next)
      for (const where of head.chain ?? []) {
        const parent = next()
        if (where === 'self') Object.setPrototypeOf(fn, parent as object | null)
        else Object.setPrototypeOf(fn.prototype, typeof parent === 'function' ? (parent.prototype as object) : (parent as object | null))
      }
    }
    return fn
  }

  function readyValue(captured: Captured): { value: unknown } | undefined {
    switch (captured[0]) {
      case 'value':
        return { value: captured[1] }
      case 'undefined':
        return { value: undefined }
      case 'part':
      case 'cell':
        return undefined
      case 'function': {
        const fn = early(captured[1])
        return fn && { value: fn }
      }
      default:
        return { value: resolveReference(captured) }
    }
  }

  function makeBound(head: BoundHead, index: number): Function {
    const target = make(head.target)
    const ready = head.captures.map(readyValue)
    let self: unknown
    let args: readonly unknown[]
    let fn: Function
    const settle = (next: () => unknown): void => {
      const values = head.captures.map((captured, at) => {
        const one = ready[at]
        return one !== undefined ? one.value : captured[0] === 'function' ? functions[captured[1]] : next()
      })
      self = values[0]
      args = values.slice(1)
    }
    if (ready.every((one) => one !== undefined)) {
      settle(() => undefined)
      fn = Function.prototype.bind.call(target, self, ...args!) as Function
      fills[index] = (next) => putProperties(fn, head.own, next)
    } else {
      // What is bound arrives after the function must exist; a real bound function cannot wait for it.
      fn = function (...rest: unknown[]): unknown {
        return new.target === undefined ? Reflect.apply(target, self, [...args, ...rest]) : Reflect.construct(target, [...args, ...rest], new.target === fn ? target : new.target)
      }
      Object.defineProperty(fn, 'prototype', { value: undefined })
      Object.defineProperty(fn, 'length', { value: head.length, configurable: true })
      boundOrigins.set(fn, () => ({ target, self, args }))
      fills[index] = (next) => {
        settle(next)
        putProperties(fn, head.own, next)
      }
    }
    rename(fn, head.name)
    return fn
  }
}

function rename(fn: Function, name: string): void {
  const descriptor = Object.getOwnPropertyDescriptor(fn, 'name')
  if (descriptor?.value === name || (descriptor === undefined && name === '')) return
  if (descriptor === undefined || descriptor.configurable) Object.defineProperty(fn, 'name', { value: name, configurable: true })
}

function membersOf(fn: Function): Set<Function> {
  const found = new Set<Function>()
  for (const holder of [fn, fn.prototype as object]) {
    for (const key of Reflect.ownKeys(holder)) {
      const { value, get, set } = Object.getOwnPropertyDescriptor(holder, key) as PropertyDescriptor
      for (const one of [value, get, set]) if (typeof one === 'function' && one !== fn) found.add(one as Function)
    }
  }
  return found
}

function loadExport(head: ExportHead): Function {
  const namespace = moduleNamespace(head.url) as Record<string, unknown>
  const exports = head.commonjs ? namespace.default : namespace
  const found: unknown = head.commonjs && head.name === '*' ? exports : (exports as Record<string, unknown> | undefined)?.[head.name]
  if (typeof found === 'function' && hashOf(found) === head.hash) return found
  const fact = typeof found === 'function' ? 'exports another function under the name' : 'does not export a function'
  throw new MultiprocError('ERR_MULTIPROC_EXPORT_DIFFERS', `receiving a function failed: ${head.url} ${fact} \`${head.name}\` in this process. See that both processes load the same version of the file.`, { details: { url: head.url, name: head.name } })
}

type Factory = (...given: unknown[]) => { value: object; set?: (values: unknown[]) => void }

/** Fresh closures of one place share their compiled factory. */
const factories = new Map<string, Factory>()
const FACTORIES_KEPT = 2000
/** In a minified file a column may be far out: there the text starts on the first line, which can be given an offset. */
const COLUMNS_PADDED = 400

function factory(plan: Plan, given: readonly string[], late: readonly string[]): Factory {
  const variables = late.length === 0 ? '' : `let ${late.join(',')};`
  const setter = late.length === 0 ? '' : `,set(mp$v){[${late.join(',')}]=mp$v}`
  const text = plan.member === undefined ? plan.text : `{${plan.text}\n}`
  const isPadded = plan.line > 0 && plan.column < COLUMNS_PADDED
  const padding = isPadded ? ' '.repeat(Math.max(0, plan.column - (plan.member === undefined ? 0 : 1))) : ''
  const head = `${plan.strict ? '"use strict";' : ''}(function(${given.join(',')}){${variables}`
  // On a line of its own, so that the text stands at its original column. There is no line before the first.
  const newLine = isPadded ? `\n${padding}` : ''
  const body = plan.self === undefined ? `return{value:(${newLine}${text}\n)${setter}}` : `const ${plan.self}=(${newLine}${text}\n);return{value:${plan.self}${setter}}`
  const source = `${head}${body}})`
  const key = `${plan.url}:${plan.line}:${source}`
  let made = factories.get(key)
  if (made === undefined) {
    const columnOffset = isPadded ? 0 : plan.column - source.indexOf(plan.text, head.length)
    const script = new Script(source, { filename: plan.url || 'evaluated', lineOffset: isPadded ? plan.line - 1 : plan.line, columnOffset })
    made = script.runInThisContext() as Factory
    if (factories.size >= FACTORIES_KEPT) factories.delete(factories.keys().next().value as string)
    factories.set(key, made)
  }
  return made
}
