import { types } from 'node:util'
import { brandsOf, MultiprocError } from '../errors/base.ts'
import { writeHandle } from '../handles/in-flight.ts'
import { isSharedMemory, ownerOfView } from '../handles/shared-view.ts'
import type { Encoder } from './encode.ts'
import * as format from './format.ts'
import { namedTypeOf } from './named.ts'
import { Step } from './path.ts'
import { reduce } from './reducers.ts'
import { article, className, refusalOf, unsendableRefusal } from './refusals.ts'

/** Writes an object that is neither a plain one nor a plain array. */
export function writeClassInstance(out: Encoder, value: object, proto: object | null): void {
  if (writeHandle(out, value, proto)) return
  const unsendable = unsendableRefusal(value, proto)
  if (unsendable) throw out.refused(unsendable)
  const Class = classOf(proto)
  const named = out.isForeign ? namedTypeOf(Class) : undefined
  if (named) return out.named(value, named.name, named.reduce)
  const reduced = reduce(value, Class)
  if (reduced) return out.reduced(value, reduced.by, reduced.isClass, reduced.parts)
  const builtin = builtinOf(value)
  if (builtin) return writeBuiltin(out, value, proto, builtin, Class)
  const refusal = refusalOf(value, proto)
  if (refusal) throw out.refused(refusal)
  if (Class === undefined || isForeignObject(proto)) return out.fields(value, Object.keys(value))
  checkPrivateState(out, Class, proto)
  out.byte(format.INSTANCE)
  out.functionReference(Class)
  out.classParts(Class)
  out.fields(value, Object.keys(value))
}

/** The class whose instances have this prototype; an object made from a prototype alone has none and travels as a plain one. */
function classOf(proto: object | null): Function | undefined {
  const Class: unknown = proto !== null && Object.hasOwn(proto, 'constructor') ? proto.constructor : undefined
  return typeof Class === 'function' && Class.prototype === proto ? Class : undefined
}

/** `Object.prototype` of another realm (a vm context, jest). */
function isForeignObject(proto: object | null): boolean {
  return proto !== null && Object.getPrototypeOf(proto) === null && className(proto) === 'Object'
}

function checkPrivateState(out: Encoder, Class: Function, proto: object | null): void {
  if (!out.hasPrivateState(Class)) return
  throw new MultiprocError(
    'ERR_MULTIPROC_PRIVATE_STATE',
    `${out.path()} is ${article(className(proto))}, which has #private fields: they cannot be read from outside. Give the class a reducer (registerReducer).`,
    { details: { path: out.path() } },
  )
}

/** How one kind of built-in object is written; `own` are classes whose direct instances need no class with them. */
interface Builtin {
  readonly name: string
  write(out: Encoder, value: never): void
}

function builtinOf(value: object): Builtin | undefined {
  if (types.isProxy(value)) return undefined
  if (Array.isArray(value)) return arrayKind
  if (types.isDate(value)) return dateKind
  if (types.isMap(value)) return mapKind
  if (types.isSet(value)) return setKind
  if (Buffer.isBuffer(value)) return bufferKind
  if (ArrayBuffer.isView(value)) return viewKind
  if (types.isArrayBuffer(value)) return arrayBufferKind
  if (types.isRegExp(value)) return regExpKind
  if (types.isNativeError(value) || value instanceof Error) return value instanceof DOMException ? domExceptionKind : errorKind
  if (types.isBoxedPrimitive(value)) return boxedKind
  if (value instanceof URL) return urlKind
  if (value instanceof URLSearchParams) return urlSearchParamsKind
  return undefined
}

function writeBuiltin(out: Encoder, value: object, proto: object | null, builtin: Builtin, Class: Function | undefined): void {
  const extended = Class !== undefined && !isBuiltinClass(Class, builtin, proto)
  if (!extended) return builtin.write(out, value as never)
  checkPrivateState(out, Class, proto)
  out.byte(format.SUBCLASS)
  out.functionReference(Class)
  builtin.write(out, value as never)
  out.classParts(Class)
  // What an error has of its own is part of the error; the items of an array or view are no fields.
  const keys = builtin === errorKind ? [] : Object.keys(value).filter((key) => !/^\d+$/.test(key))
  out.fields(value, keys)
}

/** Told by name and source, so that the classes of another realm (a vm context, jest) are built-in, too. */
function isBuiltinClass(Class: Function, builtin: Builtin, proto: object | null): boolean {
  if (builtin === errorKind && proto !== null && Object.hasOwn(proto, Symbol.for('multiproc.error'))) return true
  if (Class === Buffer || Class === URL || Class === URLSearchParams || Class === DOMException) return true
  return Object.hasOwn(globalThis, Class.name) && /\[native code\]\s*\}$/.test(Function.prototype.toString.call(Class))
}

const arrayKind: Builtin = { name: 'Array', write: (out, value: unknown[]) => out.array(value) }

const dateKind: Builtin = {
  name: 'Date',
  write(out, value: Date) {
    out.byte(format.DATE)
    out.float64(Date.prototype.getTime.call(value))
  },
}

const mapKind: Builtin = {
  name: 'Map',
  write(out, value: Map<unknown, unknown>) {
    // A copy, as structuredClone takes one: a getter below may change the map.
    const entries = [...Map.prototype.entries.call(value)]
    out.byte(format.MAP)
    out.varint(entries.length)
    for (const [key, item] of entries) {
      if (isObject(key)) out.child(key, new Step('.keys()'))
      else out.write(key)
      if (isObject(item)) out.child(item, new Step(`.get(${showKey(key)})`))
      else out.write(item)
    }
  },
}

const setKind: Builtin = {
  name: 'Set',
  write(out, value: Set<unknown>) {
    const items = [...Set.prototype.values.call(value)]
    out.byte(format.SET)
    out.varint(items.length)
    items.forEach((item, i) => out.child(item, new Step(`.values()[${i}]`)))
  },
}

const bufferKind: Builtin = {
  name: 'Buffer',
  write(out, value: Buffer) {
    if (ownerOfView(value)) return writeSharedView(out, value)
    out.byte(format.BUFFER)
    out.varint(value.length)
    out.raw(value)
  },
}

const viewKind: Builtin = {
  name: 'typed array',
  write(out, value: ArrayBufferView & { length?: number }) {
    if (isSharedMemory(value.buffer)) return writeSharedView(out, value)
    const name = types.isDataView(value) ? 'DataView' : (viewName.call(value) as string)
    out.byte(format.VIEW)
    out.byte(format.VIEW_CLASSES.indexOf(name))
    out.child(value.buffer, 'buffer')
    out.varint(value.byteOffset)
    out.varint(value.length ?? value.byteLength)
  },
}

function writeSharedView(out: Encoder, view: ArrayBufferView): void {
  if (out.isForeign) throw out.refusedAbroad('a view of shared memory')
  const owner = ownerOfView(view)
  if (!owner) throw out.refused({ kind: 'a view of shared memory that no handle stands for', advice: 'Send the whole array, or a copy of the part (slice).' })
  out.byte(format.HANDLE_VIEW)
  out.child(owner, new Step(''))
}

const viewName = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)?.get as () => unknown

const arrayBufferKind: Builtin = {
  name: 'ArrayBuffer',
  write(out, value: ArrayBuffer & { detached?: boolean; resizable?: boolean; maxByteLength?: number }) {
    if (isSharedMemory(value)) throw out.refused({ kind: 'the whole of the shared memory', advice: 'Send a view of a handle.' })
    if (value.detached) throw out.refused({ kind: 'a detached ArrayBuffer', advice: 'Send a copy made before it was transferred.' })
    out.byte(format.ARRAY_BUFFER)
    out.varint(value.byteLength)
    out.varint(value.resizable ? (value.maxByteLength as number) + 1 : 0)
    out.raw(new Uint8Array(value))
  },
}

const regExpKind: Builtin = {
  name: 'RegExp',
  write(out, value: RegExp) {
    out.byte(format.REGEXP)
    out.string(value.source)
    out.string(value.flags)
  },
}

const boxedKind: Builtin = {
  name: 'boxed primitive',
  write(out, value: { valueOf(): unknown }) {
    if (types.isSymbolObject(value)) throw out.refused({ kind: 'a boxed Symbol', advice: 'Send the symbol itself.' })
    out.byte(format.BOXED)
    if (types.isNumberObject(value)) out.write(Number.prototype.valueOf.call(value))
    else if (types.isStringObject(value)) out.write(String.prototype.valueOf.call(value))
    else if (types.isBooleanObject(value)) out.write(Boolean.prototype.valueOf.call(value))
    else out.write(BigInt.prototype.valueOf.call(value))
  },
}

const urlKind: Builtin = {
  name: 'URL',
  write(out, value: URL) {
    out.byte(format.URL_)
    out.string(value.href)
  },
}

const urlSearchParamsKind: Builtin = {
  name: 'URLSearchParams',
  write(out, value: URLSearchParams) {
    out.byte(format.URL_SEARCH_PARAMS)
    out.string(value.toString())
  },
}

const domExceptionKind: Builtin = {
  name: 'DOMException',
  write(out, value: DOMException) {
    out.byte(format.DOM_EXCEPTION)
    out.string(value.message)
    out.string(value.name)
    out.write(typeof value.stack === 'string' ? value.stack : undefined)
  },
}

const errorOwn = new Set(['message', 'stack', 'cause', 'errors', 'name'])

const errorKind: Builtin = {
  name: 'Error',
  write(out, value: Error & { errors?: unknown }) {
    out.byte(format.ERROR)
    writeErrorClass(out, value)
    const fields = Object.keys(value).filter((key) => !errorOwn.has(key))
    const stack = Object.hasOwn(value, 'stack') ? value.stack : undefined
    let parts = fields.length > 0 ? format.ERROR_FIELDS : 0
    if (Object.hasOwn(value, 'message')) parts |= format.ERROR_MESSAGE
    if (typeof stack === 'string') parts |= format.ERROR_STACK
    if (Object.hasOwn(value, 'cause')) parts |= format.ERROR_CAUSE
    if (Object.hasOwn(value, 'errors')) parts |= format.ERROR_ERRORS
    if (Object.hasOwn(value, 'name')) parts |= format.ERROR_NAME
    out.byte(parts)
    if (parts & format.ERROR_MESSAGE) out.child(value.message, 'message')
    if (parts & format.ERROR_STACK) out.write(stack)
    if (parts & format.ERROR_CAUSE) out.child(value.cause, 'cause')
    if (parts & format.ERROR_ERRORS) out.child(value.errors, 'errors')
    if (parts & format.ERROR_NAME) out.child(value.name, 'name')
    if (parts & format.ERROR_FIELDS) out.fields(value, fields)
  },
}

function writeErrorClass(out: Encoder, value: Error): void {
  const ours = brandsOf(value).at(-1)
  if (ours !== undefined) {
    out.byte(format.MULTIPROC_ERROR)
    return out.string(ours)
  }
  for (let proto: object | null = Object.getPrototypeOf(value); proto !== null; proto = Object.getPrototypeOf(proto)) {
    const kind = format.ERROR_CLASSES.findIndex((Class) => Class.name === className(proto))
    if (kind >= 0) return out.byte(kind)
  }
  out.byte(0)
}

function isObject(value: unknown): boolean {
  return (typeof value === 'object' && value !== null) || typeof value === 'function' || typeof value === 'symbol'
}

function showKey(key: unknown): string {
  if (typeof key === 'string') return JSON.stringify(key)
  return typeof key === 'object' || typeof key === 'function' ? '…' : String(key)
}
