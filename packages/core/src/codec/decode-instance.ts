import { MultiprocError } from '../errors/base.ts'
import * as python from '../errors/python.ts'
import * as remote from '../errors/remote.ts'
import { SHARED_VIEW } from '../handles/shared-view.ts'
import type { Decoder } from './decode.ts'
import * as format from './format.ts'
import { namedType } from './named.ts'

const ourErrors: Readonly<Record<string, { readonly prototype: object } | undefined>> = { __proto__: null as never, MultiprocError, ...python, ...remote }

type ViewClass = new (buffer: ArrayBufferLike, offset: number, length: number) => ArrayBufferView
const viewClasses = format.VIEW_CLASSES.map((name) => (globalThis as unknown as Record<string, ViewClass | undefined>)[name])

/** Reads an object of a class that extends a built-in one. */
export function readSubclass(from: Decoder): object {
  const number = from.reserve()
  const { index, prototype } = from.class()
  from.takeNumber(number)
  const value = from.read()
  if (typeof value !== 'object' || value === null) throw from.bad('an object is missing')
  Object.setPrototypeOf(value, prototype)
  from.functionParts(index)
  return from.fieldsInto(value)
}

/** Reads a built-in object, or a primitive that is rare. */
export function readBuiltin(from: Decoder, tag: number): unknown {
  switch (tag) {
    case format.BIGINT64:
      return from.bigint64()
    case format.BIGINT:
      return readBigInt(from)
    case format.SYMBOL:
      return readSymbol(from)
    case format.DATE:
      return from.add(new Date(from.float64()))
    case format.REGEXP:
      return from.add(made(from, () => new RegExp(from.text(), from.text())))
    case format.MAP:
      return readMap(from)
    case format.SET:
      return readSet(from)
    case format.ARRAY_BUFFER:
      return readArrayBuffer(from)
    case format.VIEW:
      return readView(from)
    case format.BUFFER:
      return from.add(readBuffer(from))
    case format.BOXED:
      return readBoxed(from)
    case format.URL_:
      return from.add(made(from, () => new URL(from.text())))
    case format.URL_SEARCH_PARAMS:
      return from.add(new URLSearchParams(from.text()))
    case format.ERROR:
      return readError(from)
    case format.DOM_EXCEPTION:
      return readDomException(from)
    case format.HANDLE_VIEW:
      return readSharedView(from)
    case format.NAMED:
      return readNamed(from)
    default:
      throw from.bad(`0x${tag.toString(16)} is no tag`)
  }
}

function readBigInt(from: Decoder): bigint {
  const negative = from.byte() === 1
  const digits = from.latin1(from.count())
  if (!/^[0-9a-f]+$/.test(digits)) throw from.bad('a bigint has wrong digits')
  const value = made(from, () => BigInt(`0x${digits}`))
  return negative ? -value : value
}

function readSymbol(from: Decoder): symbol {
  const wellKnown = from.byte() === 1
  const name = from.text()
  if (!wellKnown) return Symbol.for(name)
  const symbol = (Symbol as unknown as Record<string, unknown>)[name]
  if (typeof symbol !== 'symbol') throw from.bad('a well-known symbol is not known here')
  return symbol
}

function readMap(from: Decoder): Map<unknown, unknown> {
  const map = from.add(new Map<unknown, unknown>())
  for (let count = from.count(); count > 0; count--) {
    const key = from.read()
    map.set(key, from.read())
  }
  return map
}

function readSet(from: Decoder): Set<unknown> {
  const set = from.add(new Set<unknown>())
  for (let count = from.count(); count > 0; count--) set.add(from.read())
  return set
}

function readArrayBuffer(from: Decoder): ArrayBuffer {
  const length = from.varint()
  const largest = from.varint()
  const bytes = from.copy(length)
  if (largest === 0) return from.add(bytes.buffer as ArrayBuffer)
  const resizable = ArrayBuffer as unknown as new (length: number, options: { maxByteLength: number }) => ArrayBuffer
  const buffer = made(from, () => new resizable(length, { maxByteLength: largest - 1 }))
  new Uint8Array(buffer).set(bytes)
  return from.add(buffer)
}

function readView(from: Decoder): ArrayBufferView {
  const number = from.reserve()
  const name = format.VIEW_CLASSES[from.byte()]
  const View = viewClasses[format.VIEW_CLASSES.indexOf(name as string)]
  if (View === undefined) throw from.bad(`a ${name ?? 'view'} is not known here`)
  const buffer = from.read()
  if (!(buffer instanceof ArrayBuffer)) throw from.bad('a view has no buffer')
  const offset = from.varint()
  const view = made(from, () => new View(buffer, offset, from.varint()))
  from.finish(number, view)
  return view
}

function readSharedView(from: Decoder): ArrayBufferView {
  const number = from.reserve()
  const view = (from.read() as { [SHARED_VIEW]?: unknown } | null)?.[SHARED_VIEW]
  if (!ArrayBuffer.isView(view)) throw from.bad('a handle has no view')
  from.finish(number, view)
  return view
}

function readNamed(from: Decoder): unknown {
  const number = from.reserve()
  const name = from.text()
  const parts: unknown[] = []
  for (let count = from.count(); count > 0; count--) parts.push(from.read())
  const type = namedType(name)
  if (type === undefined) throw from.bad(`a ${name} is not known here`)
  const value = type.revive(...parts)
  from.finish(number, value)
  return value
}

function readBuffer(from: Decoder): Buffer {
  const { buffer } = from.copy(from.varint())
  return Buffer.from(buffer)
}

function readBoxed(from: Decoder): object {
  const number = from.reserve()
  const value = Object(from.read()) as object
  from.finish(number, value)
  return value
}

function readError(from: Decoder): Error {
  const kind = from.byte()
  const Class = kind === format.MULTIPROC_ERROR ? (ourErrors[from.text()] ?? MultiprocError) : format.ERROR_CLASSES[kind]
  if (Class === undefined) throw from.bad('an error has no class')
  const error = from.add(blankError(Class.prototype))
  const parts = from.byte()
  if (parts & format.ERROR_MESSAGE) setHidden(error, 'message', from.read())
  if (parts & format.ERROR_STACK) setHidden(error, 'stack', from.read())
  if (parts & format.ERROR_CAUSE) setHidden(error, 'cause', from.read())
  if (parts & format.ERROR_ERRORS) setHidden(error, 'errors', from.read())
  if (parts & format.ERROR_NAME) setHidden(error, 'name', from.read())
  if (parts & format.ERROR_FIELDS) from.fieldsInto(error)
  return error
}

/** A real error, with none of the stack of this place. */
function blankError(prototype: object): Error {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    const error = new Error()
    if (prototype !== Error.prototype) Object.setPrototypeOf(error, prototype)
    return error
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

function readDomException(from: Decoder): DOMException {
  const error = from.add(new DOMException(from.text(), from.text()))
  const stack = from.read()
  if (stack !== undefined) setHidden(error, 'stack', stack)
  return error
}

/** As the engine makes the properties of errors: not listed, replaceable. */
function setHidden(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, writable: true, enumerable: false, configurable: true })
}

/** What a constructor of the engine refuses is damage. */
function made<T>(from: Decoder, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (error instanceof MultiprocError) throw error
    throw from.bad((error as Error).message)
  }
}

