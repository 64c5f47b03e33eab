/** Functions and objects that every Node has: found by identity here, by path there. */
import { builtinModules } from 'node:module'
import type { KnownHead } from './heads.ts'

type Place = Pick<KnownHead, 'module' | 'path'>

/** Globals of Node's that are listed like a user's own (enumerable), or behind a getter. */
const nodeObjects = ['process', 'console', 'performance', 'crypto', 'navigator']
const DEPTH = 3

let globals: Map<object, Place> | undefined
let builtins: Map<object, Place> | undefined
let builtinsAt = -1

export function isNative(fn: Function): boolean {
  return Function.prototype.toString.call(fn).endsWith('{ [native code] }')
}

/** Where the globals hold this very value. Functions a user put there are not known: they travel like any other. */
export function globalPlace(value: object): Place | undefined {
  return (globals ??= collectGlobals()).get(value)
}

/** Where a builtin module holds it. Only for what is known to be Node's: natives, and functions of `node:` scripts. */
export function builtinPlace(value: object): Place | undefined {
  // Modules load one by one; the list of what was loaded only grows.
  const loaded = (process as unknown as { moduleLoadList: string[] }).moduleLoadList
  if (builtins === undefined || (!builtins.has(value) && builtinsAt !== loaded.length)) {
    builtinsAt = loaded.length
    builtins = collectBuiltins(new Set(loaded))
  }
  return builtins.get(value) ?? globalByName(value)
}

export function knownValue({ module, path }: Place): unknown {
  if (module === undefined) return globalAt(path)
  return walk(process.getBuiltinModule(module), path)
}

export function globalAt(path: readonly string[]): unknown {
  return walk(globalThis, path)
}

function walk(from: unknown, path: readonly string[]): unknown {
  let value = from
  for (const step of path) {
    const [, accessor, key = step] = /^(get|set) (.*)$/.exec(step) ?? []
    const name = key.startsWith('@@') ? (Symbol as unknown as Record<string, symbol>)[key.slice(2)] as symbol : key
    value = accessor === undefined ? (value as Record<PropertyKey, unknown>)[name] : Object.getOwnPropertyDescriptor(value, name)?.[accessor as 'get' | 'set']
  }
  return value
}

/** Classes that Node loads at first use (`WebSocket`) stand behind a getter: asked only when one is looked for. */
function globalByName(value: object): Place | undefined {
  const name: unknown = typeof value === 'function' ? value.name : undefined
  if (typeof name !== 'string' || !Object.hasOwn(globalThis, name)) return undefined
  return (globalThis as Record<string, unknown>)[name] === value ? { path: [name] } : undefined
}

function collectGlobals(): Map<object, Place> {
  const found = new Map<object, Place>([[globalThis, { path: ['globalThis'] }]])
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    const { value, enumerable, get } = Object.getOwnPropertyDescriptor(globalThis, name) as PropertyDescriptor
    const listed = nodeObjects.includes(name)
    const one: unknown = get !== undefined && listed ? (globalThis as Record<string, unknown>)[name] : value
    if ((typeof one === 'object' && one !== null && (!enumerable || listed)) || (typeof one === 'function' && isNative(one))) collect(found, one as object, { path: [name] }, 1, isNodeOwn)
    else if (typeof one === 'function' && !found.has(one) && !enumerable) found.set(one, { path: [name] })
  }
  return found
}

/** Node's own objects may carry a user's functions (`console.log = mine`): those are no intrinsics. */
function isNodeOwn(value: object): boolean {
  return typeof value !== 'function' || isNative(value)
}

function collectBuiltins(loaded: ReadonlySet<string>): Map<object, Place> {
  const found = new Map<object, Place>()
  for (const name of builtinModules) {
    // Others would be loaded (and may warn) only to be looked through.
    if (!loaded.has(`NativeModule ${name}`)) continue
    const module = process.getBuiltinModule(name) as object
    collect(found, module, { module: `node:${name.replace(/^node:/, '')}`, path: [] }, 1, () => true)
  }
  // Parts of Node that are JavaScript, on objects that are no module of their own.
  for (const name of ['process', 'console', 'Buffer']) collect(found, (globalThis as unknown as Record<string, object>)[name] as object, { path: [name] }, 1, () => true)
  return found
}

function collect(found: Map<object, Place>, value: object, place: Place, depth: number, wanted: (value: object) => boolean): void {
  if (found.has(value)) return
  found.set(value, place)
  if (depth > DEPTH || (Array.isArray(value) && value !== Array.prototype)) return
  for (const key of Reflect.ownKeys(value)) {
    const name = typeof key === 'string' ? key : key.description?.startsWith('Symbol.') ? `@@${key.description.slice('Symbol.'.length)}` : undefined
    if (name === undefined || name === 'constructor') continue
    const descriptor = Object.getOwnPropertyDescriptor(value, key)
    for (const [accessor, inner] of [['', descriptor?.value], ['get ', descriptor?.get], ['set ', descriptor?.set]] as const) {
      if ((typeof inner === 'object' && inner !== null) || typeof inner === 'function') {
        const next = inner as object
        if (!wanted(next)) continue
        // Deep objects are state (`process.config`), not names, prototypes apart.
        if (typeof next === 'object' && depth > 1 && name !== 'prototype' && place.path[0] !== 'process') continue
        collect(found, next, { ...place, path: [...place.path, accessor + name] }, depth + 1, wanted)
      }
    }
  }
}
