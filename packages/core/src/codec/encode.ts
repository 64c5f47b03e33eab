import { types } from 'node:util'
import { MultiprocError } from '../errors/base.ts'
import { HandleFlights, type FlightsOfMessage } from '../handles/in-flight.ts'
import { writeClassInstance } from './encode-instance.ts'
import * as format from './format.ts'
import { newMessageFunctions, type MessageFunctions } from './message-functions.ts'
import { showPath, Step, type PathStep } from './path.ts'
import type { Refusal } from './refusals.ts'
import { Seen } from './seen.ts'
import { shapeOf } from './shapes.ts'
import { Writer } from './writer.ts'

/** A value as bytes, ready to be published. */
export interface Encoded {
  /** The message is the first `length` bytes of `scratch`: this thread's own, written over by the next `encode`. */
  readonly scratch: Uint8Array
  readonly length: number
  /** The same as a view, made when asked for. */
  readonly bytes: Uint8Array
  /** Handles are in flight: call `commit` once the bytes are published, or `abort`. Without, both do nothing. */
  readonly hasHandles: boolean
  commit(): void
  /** The message will reach nobody. After `commit`, too: once its only receiver is known to have ended. */
  abort(): void
}

export interface EncodeOptions {
  /** It goes to another machine: handles are refused, and named.ts says how some classes go there. */
  readonly foreign?: boolean
}

/** The last is the one that a message written next gets; more than one when a message is written inside another. */
const idle: Encoder[] = []
const IDLE_KEPT = 3
let messageCount = 0

/**
 * Writes any value that can be sent into this thread's scratch: what `structuredClone` takes, and functions, instances
 * of classes, Buffers, URLs, handles, and whatever has a reducer. Getters of the user's run; they may encode, too.
 *
 * What `structuredClone` takes comes out equal, but for: named fields of arrays stay behind (those of a RegExp match
 * travel), a Buffer travels without the pool it lies in, errors keep their own fields, and the views of a resizable
 * buffer no longer follow its length.
 *
 * @param root - what the error texts call the value: `args`.
 * @param options.foreign - it goes to another machine: a handle is refused, by its path.
 * @throws NOT_SENDABLE, CLOSED, NO_CLOSURE, TOO_LARGE …: the message names the path. Nothing is in flight then.
 */
export function encode(value: unknown, root = 'value', options?: EncodeOptions): Encoded {
  const encoder = idle.pop() ?? new Encoder()
  try {
    return encoder.message(value, root, options?.foreign === true)
  } finally {
    encoder.forget()
    if (idle.length < IDLE_KEPT) idle.push(encoder)
  }
}

/** What one message takes to be written. */
export class Encoder extends Writer {
  readonly #seen = new Seen()
  readonly #path: PathStep[] = []
  #root = ''
  isForeign = false
  #depth = 0
  #flags = 0
  #messageId = 0
  #shapeCount = 0
  #functions: MessageFunctions | undefined
  #handles: HandleFlights | undefined
  /** Reduced values whose parts are being written. */
  #reducing: Set<object> | undefined

  message(value: unknown, root: string, isForeign: boolean): Encoded {
    this.rewind()
    this.#root = root
    this.isForeign = isForeign
    this.#messageId = ++messageCount
    this.at = 1
    try {
      this.write(value)
      if (this.#functions || this.#handles) this.#trailer()
    } catch (error) {
      this.#handles?.abort()
      throw isStackOverflow(error) ? this.#tooDeep() : error
    }
    this.bytes[0] = (format.VERSION << 4) | this.#flags
    return this.#handles ? new EncodedWithHandles(this.bytes, this.at, this.#handles) : new EncodedBytes(this.bytes, this.at)
  }

  forget(): void {
    this.#seen.clear()
    this.#path.length = 0
    this.#depth = this.#flags = this.#shapeCount = 0
    this.#functions = this.#handles = this.#reducing = undefined
  }

  write(value: unknown): void {
    switch (typeof value) {
      case 'string':
        return this.string(value)
      case 'number':
        return this.number(value)
      case 'boolean':
        return this.byte(value ? format.TRUE : format.FALSE)
      case 'object':
        return value === null ? this.byte(format.NULL) : this.object(value)
      case 'undefined':
        return this.byte(format.UNDEFINED)
      case 'bigint':
        return this.bigint(value)
      case 'function':
        return this.function(value)
      default:
        return this.#symbol(value as symbol)
    }
  }

  /** Writes what a container holds; `step` leads to it from the container. */
  child(value: unknown, step: PathStep): void {
    this.#path[this.#depth - 1] = step
    this.write(value)
  }

  object(value: object): void {
    const known = this.#seen.indexOrAdd(value)
    if (known >= 0) return this.#refer(known, value)
    if (++this.#depth > format.MAX_DEPTH) throw this.#tooDeep()
    const proto: object | null = Object.getPrototypeOf(value)
    if (proto === Object.prototype && !types.isProxy(value)) this.fields(value, Object.keys(value))
    else if (proto === Array.prototype && Array.isArray(value) && !types.isProxy(value)) this.array(value)
    else writeClassInstance(this, value, proto)
    this.#depth--
  }

  /** The given own properties, as a shape with values, or as pairs when there are many. */
  fields(value: object, keys: string[]): void {
    const count = keys.length
    if (count === 0) return this.byte(format.EMPTY_OBJECT)
    const source = value as Record<string, unknown>
    const level = this.#depth - 1
    if (count > format.MAX_SHAPE_KEYS) {
      this.byte(format.PAIRS)
      this.varint(count)
      for (const key of keys) {
        this.string(key)
        this.#path[level] = key
        this.write(source[key])
      }
      return
    }
    const shape = shapeOf(keys)
    if (shape.message === this.#messageId) {
      this.byte(format.SHAPE)
      this.varint(shape.index)
    } else {
      shape.message = this.#messageId
      shape.index = this.#shapeCount++
      this.raw(shape.header)
    }
    for (let i = 0; i < count; i++) {
      const key = keys[i] as string
      const item = source[key]
      if (typeof item === 'string') this.string(item)
      else if (typeof item === 'number') this.number(item)
      else {
        this.#path[level] = key
        this.write(item)
      }
    }
  }

  array(items: readonly unknown[]): void {
    const named = namedFields(items)
    if (named) this.byte(format.NAMED_ARRAY)
    const { length } = items
    if (length < 16) this.byte(format.SHORT_ARRAY | length)
    else {
      this.byte(format.ARRAY)
      this.varint(length)
    }
    const level = this.#depth - 1
    let present: number[] | undefined
    for (let i = 0; i < length; i++) {
      const item = items[i]
      if (item === undefined && !Object.hasOwn(items, i)) {
        present ??= Object.keys(items).map(Number).reverse()
        while (present.length > 0 && !((present.at(-1) as number) > i)) present.pop()
        const next = Math.min(present.at(-1) ?? length, length)
        this.byte(format.HOLES)
        this.varint(next - i)
        i = next - 1
      } else {
        this.#path[level] = i
        this.write(item)
      }
    }
    if (named) this.fields(items, named)
  }

  bigint(value: bigint): void {
    if (BigInt.asIntN(64, value) === value) {
      this.byte(format.BIGINT64)
      this.reserve(8)
      this.view.setBigInt64(this.at, value, true)
      this.at += 8
      return
    }
    const digits = (value < 0n ? -value : value).toString(16)
    this.byte(format.BIGINT)
    this.byte(value < 0n ? 1 : 0)
    this.varint(digits.length)
    this.reserve(digits.length)
    this.bytes.latin1Write(digits, this.at, digits.length)
    this.at += digits.length
  }

  function(fn: Function): void {
    this.#depth++
    this.functionReference(fn)
    this.functionParts(fn)
    this.#depth--
  }

  /** Names a function. Where it appears first, `functionParts` must follow sooner or later. */
  functionReference(fn: Function): void {
    const functions = (this.#functions ??= newMessageFunctions())
    if (!functions) {
      const path = this.path()
      throw new MultiprocError(
        'ERR_MULTIPROC_NO_CLOSURE',
        `${path} is a function, a class or an instance of one, and nothing here can send those: import '@multiproc/closure'.`,
        { details: { path } },
      )
    }
    this.#flags |= format.FUNCTIONS
    this.byte(format.FUNCTION)
    this.varint(functions.indexOf(fn))
  }

  /** The same for the class of the object at hand. */
  classParts(Class: Function): void {
    this.#path[this.#depth - 1] = new Step('[[class]]')
    this.#depth++
    this.functionParts(Class)
    this.#depth--
  }

  /** Writes what fills a function, once in a message. */
  functionParts(fn: Function): void {
    const functions = this.#functions as MessageFunctions
    const index = functions.indexOf(fn)
    if (!functions.isNew(index)) return
    if (this.#depth > format.MAX_DEPTH) throw this.#tooDeep()
    const { record, needed } = this.calling(() => functions.describe(index))
    this.varint(needed.length)
    for (const fn of needed) this.child(fn, new Step(`[[${nameOf(fn)}]]`))
    this.varint(record.parts.length)
    record.parts.forEach((part, i) => this.child(part, new Step(record.partPaths[i] ?? `[[${i}]]`)))
  }

  #symbol(symbol: symbol): void {
    const registered = Symbol.keyFor(symbol)
    if (registered !== undefined) {
      this.byte(format.SYMBOL)
      this.byte(0)
      return this.string(registered)
    }
    const wellKnown = symbol.description?.replace(/^Symbol\./, '') ?? ''
    if ((Symbol as unknown as Record<string, unknown>)[wellKnown] === symbol) {
      this.byte(format.SYMBOL)
      this.byte(1)
      return this.string(wellKnown)
    }
    this.#depth++
    throw this.refused({ kind: 'a Symbol of this process', advice: 'Use Symbol.for(name).' })
  }

  #refer(index: number, value: object): void {
    if (this.#reducing?.has(value)) {
      this.#depth++
      throw this.refused({ kind: 'a value that its own reducer leads back to', advice: 'Reduce it to parts that do not hold it.' })
    }
    this.#flags |= format.REFS
    this.byte(format.REF)
    this.varint(index)
  }

  reduced(value: object, by: Function, isClass: boolean, parts: readonly unknown[]): void {
    const reducing = (this.#reducing ??= new Set())
    reducing.add(value)
    this.byte(format.REDUCED)
    this.byte(isClass ? 1 : 0)
    this.child(by, new Step('[[rebuild]]'))
    this.varint(parts.length)
    parts.forEach((part, i) => this.child(part, new Step(`[[part ${i}]]`)))
    reducing.delete(value)
  }

  named(value: object, name: string, reduce: (value: never) => readonly unknown[]): void {
    const parts = this.calling(() => reduce(value as never))
    this.byte(format.NAMED)
    this.string(name)
    this.varint(parts.length)
    parts.forEach((part, i) => this.child(part, new Step(`[[part ${i}]]`)))
  }

  /** A message of its own, to be put into this one. */
  nested(value: unknown): Encoded {
    return encode(value, this.path())
  }

  /** The handles in flight with this message. */
  handles(): HandleFlights {
    this.#flags |= format.HANDLES
    return (this.#handles ??= new HandleFlights())
  }

  hasPrivateState(Class: Function): boolean {
    this.#functions ??= newMessageFunctions()
    return this.#functions?.shipper.hasPrivateState?.(Class) ?? false
  }

  #trailer(): void {
    const start = this.at
    if (this.#functions && this.#flags & format.FUNCTIONS) {
      const heads = encode(this.#functions.heads, 'heads')
      this.varint(heads.length)
      this.raw(heads.bytes)
    }
    this.#handles?.writePositions(this)
    this.uint32(start)
  }

  /** Where the value that is being written is. */
  path(): string {
    return showPath(this.#root, this.#path.slice(0, Math.max(0, this.#depth - 1)))
  }

  refused(refusal: Refusal): MultiprocError {
    const path = this.path()
    return new MultiprocError(
      'ERR_MULTIPROC_NOT_SENDABLE',
      `${path} is ${refusal.kind}: it cannot be sent to another process. ${refusal.advice}`,
      { details: { path, kind: refusal.kind } },
    )
  }

  /** For what lies in the memory of this machine, when the message goes to another one. */
  refusedAbroad(kind: string): MultiprocError {
    const path = this.path()
    return new MultiprocError(
      'ERR_MULTIPROC_NOT_SENDABLE',
      `${path} is ${kind}, which lies in the memory of this machine: it cannot be sent to another one. Send a copy of what it holds, or use an object of a manager there.`,
      { details: { path, kind } },
    )
  }

  /** Runs code that knows nothing of the path; our errors from it get it. */
  calling<T>(call: () => T): T {
    try {
      return call()
    } catch (error) {
      if (error instanceof MultiprocError) prefixPath(error, this.path())
      throw error
    }
  }

  #tooDeep(): MultiprocError {
    const path = this.path()
    const shown = path.length > 120 ? `${path.slice(0, 80)} … ${path.slice(-30)}` : path
    return new MultiprocError(
      'ERR_MULTIPROC_TOO_LARGE',
      `${shown} is nested too deeply to be sent; ${format.MAX_DEPTH} levels are the limit. Send a flat form, such as an array of nodes.`,
      { details: { limit: format.MAX_DEPTH } },
    )
  }
}

class EncodedBytes implements Encoded {
  readonly scratch: Uint8Array
  readonly length: number
  constructor(scratch: Uint8Array, length: number) {
    this.scratch = scratch
    this.length = length
  }
  get bytes(): Uint8Array {
    return this.scratch.subarray(0, this.length)
  }
  get hasHandles(): boolean {
    return false
  }
  commit(): void {}
  abort(): void {}
}

class EncodedWithHandles extends EncodedBytes {
  readonly #flights: FlightsOfMessage
  constructor(scratch: Uint8Array, length: number, flights: FlightsOfMessage) {
    super(scratch, length)
    this.#flights = flights
  }
  override get hasHandles(): boolean {
    return true
  }
  override commit(): void {
    this.#flights.commit()
  }
  override abort(): void {
    this.#flights.abort()
  }
}

/**
 * The named fields of an array, where it is what `RegExp.prototype.exec` gives. Those of other arrays stay behind:
 * finding out that there are none would cost as much as writing the items.
 */
function namedFields(items: readonly unknown[]): string[] | undefined {
  const { index, input } = items as { index?: unknown; input?: unknown }
  if (index === undefined && input === undefined) return undefined
  const named = Object.keys(items).filter((key) => !/^\d+$/.test(key))
  return named.length > 0 ? named : undefined
}

function prefixPath(error: MultiprocError, path: string): void {
  const full = `${path}${typeof error.details['path'] === 'string' ? error.details['path'] : ''}`
  // Read first: the engine writes the stack's first line, with the message of that moment, when it is asked for.
  const { message, stack } = error
  error.message = `${full}: ${message}`
  ;(error as { details: object }).details = { ...error.details, path: full }
  if (stack) error.stack = stack.replace(message, () => error.message)
}

/** Without running code of the user's. */
function nameOf(fn: Function): string {
  const name: unknown = types.isProxy(fn) ? undefined : Object.getOwnPropertyDescriptor(fn, 'name')?.value
  return typeof name === 'string' && name !== '' ? name : 'function'
}

function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message === 'Maximum call stack size exceeded'
}
