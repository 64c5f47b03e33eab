import { types } from 'node:util'
import { UNSENDABLE } from './format.ts'

/** Why an object cannot be sent. */
export interface Refusal {
  /** With its article: `a WeakMap`. */
  readonly kind: string
  readonly advice: string
}

/** The global classes of the runtime as this module found them; instances keep their state where nobody can read it. */
const globalNames = new Set(Object.getOwnPropertyNames(globalThis))
/** Built-in classes whose instances, as base of a user's class, have no state but own fields. */
const stateless = new Set<unknown>([Object, (globalThis as { Iterator?: unknown }).Iterator])

const plainAdvice = 'Leave it out, or send what it is made from.'

/** Tells whether an object that is no plain one, no array and of no class with a form of its own, must be refused. */
export function refusalOf(value: object, proto: object | null): Refusal | undefined {
  if (types.isProxy(value)) return { kind: 'a Proxy', advice: 'Send a plain copy of what it stands for.' }
  if (types.isPromise(value)) return { kind: 'a Promise', advice: 'Await it first.' }
  if (types.isWeakMap(value)) return { kind: 'a WeakMap', advice: 'Send a Map.' }
  if (types.isWeakSet(value)) return { kind: 'a WeakSet', advice: 'Send a Set.' }
  if (types.isSharedArrayBuffer(value)) {
    return { kind: 'a SharedArrayBuffer, which other processes cannot see', advice: 'Use a SharedArray (@multiproc/shared).' }
  }
  if (types.isGeneratorObject(value)) return { kind: 'a generator', advice: 'Send an array of its items.' }
  if (types.isExternal(value)) return { kind: 'a native pointer', advice: plainAdvice }
  if (isStream(value)) {
    return { kind: `${article(className(proto))}, a stream of this process`, advice: 'Send its data, or the name to open it by.' }
  }
  if (hasHandle(value)) {
    return { kind: `${article(className(proto))}, which belongs to this process`, advice: 'Send what it is made from.' }
  }
  const tag = Object.prototype.toString.call(value).slice(8, -1)
  if (/ Iterator$|^Iterator Helper$|^Async Generator$/.test(tag)) {
    return { kind: 'an iterator', advice: 'Send an array of its items.' }
  }
  return builtinRefusal(proto)
}

/** The sentence a class keeps for its instances, if it refuses to be sent. */
export function unsendableRefusal(value: object, proto: object | null): Refusal | undefined {
  const advice = (value as { [UNSENDABLE]?: unknown })[UNSENDABLE]
  return typeof advice === 'string' ? { kind: article(className(proto)), advice } : undefined
}

function builtinRefusal(proto: object | null): Refusal | undefined {
  for (let level = proto; level !== null; level = Object.getPrototypeOf(level)) {
    const Class: unknown = Object.hasOwn(level, 'constructor') ? level.constructor : undefined
    if (typeof Class !== 'function' || Class.prototype !== level || stateless.has(Class)) continue
    const isGlobal = globalNames.has(Class.name) && (globalThis as Record<string, unknown>)[Class.name] === Class
    const isNative = /\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(Class))
    if ((!isGlobal && !isNative) || Class.name === 'Object') continue
    const kind = level === proto ? article(Class.name) : `${article(className(proto))}, which extends the built-in ${Class.name}`
    return { kind: `${kind}, whose state cannot be read`, advice: plainAdvice }
  }
  return undefined
}

function isStream(value: object): boolean {
  const { _readableState, _writableState } = value as { _readableState?: unknown; _writableState?: unknown }
  return typeof (value as { pipe?: unknown }).pipe === 'function' && (_readableState !== undefined || _writableState !== undefined)
}

/** Node's own objects that wrap something of the system (servers, child processes) keep it here. */
function hasHandle(value: object): boolean {
  return Object.hasOwn(value, '_handle') && typeof (value as { on?: unknown }).on === 'function'
}

export function className(proto: object | null): string {
  const Class: unknown = proto?.constructor
  return typeof Class === 'function' && Class.name !== '' ? Class.name : 'object'
}

export function article(noun: string): string {
  return `${/^[aeio]/i.test(noun) ? 'an' : 'a'} ${noun}`
}
