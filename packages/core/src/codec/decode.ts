import { functionShipper } from '../contracts/functions.ts'
import { MultiprocError } from '../errors/base.ts'
import { discardFlights, HandleLandings } from '../handles/landing.ts'
import { readBuiltin, readSubclass } from './decode-instance.ts'
import * as format from './format.ts'
import { Reader } from './reader.ts'
import { keepShape, keptShape, makerOf, type ReaderShape } from './shapes.ts'

/**
 * Makes the value of a message, in own memory. Code of the user's may run (rebuilding, reviving, module loading): the
 * bytes must be the caller's own by then, not part of a ring.
 *
 * @throws BAD_FRAME for bytes that are no message, whatever they are; LAYOUT, EXPORT_DIFFERS …; what user code throws.
 */
export function decode(bytes: Uint8Array, start = 0, end = bytes.length): unknown {
  const decoder = new Decoder(bytes, start, end)
  try {
    return decoder.message()
  } catch (error) {
    decoder.discardRest()
    throw error instanceof RangeError && error.message === 'Maximum call stack size exceeded' ? decoder.bad('it is nested too deeply') : error
  }
}

/** True if a message carries handles; looks at one byte. */
export function carriesHandles(bytes: Uint8Array, start = 0): boolean {
  return ((bytes[start] as number) & format.HANDLES) !== 0
}

/** True if a message carries functions, classes, or instances of classes, whose code would run here. */
export function carriesFunctions(bytes: Uint8Array, start = 0): boolean {
  return ((bytes[start] as number) & format.FUNCTIONS) !== 0
}

/**
 * A message was taken out of where it was: from now on its handles die with this thread, until they are decoded. Runs no
 * code of the user's; a look at one byte when there are no handles.
 */
export function adoptHandles(bytes: Uint8Array, start = 0, end = bytes.length): void {
  if (carriesHandles(bytes, start)) new Decoder(bytes, start, end).landings()?.adopt()
}

/** Nobody will decode this message: its handles no longer hold anything. Runs no code of the user's. */
export function discard(bytes: Uint8Array, start = 0, end = bytes.length): void {
  if (carriesHandles(bytes, start)) discardFlights(new Decoder(bytes, start, end).landings())
}

/** Loads the modules that the functions of a message need, so that `decode` can run without waiting. */
export async function preloadFunctions(bytes: Uint8Array): Promise<void> {
  const heads = new Decoder(bytes, 0, bytes.length).functionHeads()
  if (heads.length > 0) await functionShipper()?.preload(heads)
}

const noFunctions: readonly Function[] = []
/** An object that has a number, and is not there yet. */
const unfinished = Symbol('unfinished')

export class Decoder extends Reader {
  readonly #flags: number
  #shapes: ReaderShape[] | undefined = undefined
  /** Objects by number, when the message refers to any. */
  #objects: unknown[] | undefined = undefined
  #trailerAt = 0
  #depth = 0
  #functions: readonly Function[] = noFunctions
  #fill: ((index: number, parts: readonly unknown[]) => void) | undefined
  #filled: boolean[] | undefined = undefined
  #landings: HandleLandings | undefined
  /** The number the next object takes, when it was given before what precedes it. */
  #reserved = -1

  constructor(bytes: Uint8Array, start: number, end: number) {
    super(bytes, start, end)
    const header = this.byte()
    const version = header >> 4
    if (version !== format.VERSION) {
      throw new MultiprocError(
        'ERR_MULTIPROC_BAD_FRAME',
        `A received message is no message of this version: format ${version}, this is ${format.VERSION}. Install one version of @multiproc/core, and see that only this library writes there.`,
        { details: { version } },
      )
    }
    this.#flags = header & 0xf
    if (this.#flags & format.REFS) this.#objects = []
    if (this.#flags & (format.FUNCTIONS | format.HANDLES)) {
      this.need(4)
      this.end -= 4
      const trailer = this.view.getUint32(this.end, true) + start
      if (trailer < this.at || trailer > this.end) throw this.bad('its trailer lies outside')
      this.#trailerAt = trailer
    }
  }

  message(): unknown {
    if (this.#trailerAt === 0) return this.#whole(this.end)
    this.#landings = this.landings()
    const heads = this.functionHeads()
    if (heads.length > 0) {
      const shipper = functionShipper()
      if (!shipper) {
        throw new MultiprocError('ERR_MULTIPROC_NO_CLOSURE', "A message with functions was received, and nothing here can rebuild those: import '@multiproc/closure'.")
      }
      const { functions, fill } = shipper.create(heads)
      this.#functions = functions
      this.#fill = fill
    }
    this.end = this.#trailerAt
    return this.#whole(this.#trailerAt)
  }

  #whole(end: number): unknown {
    const value = this.read()
    if (this.at !== end) throw this.bad(`${end - this.at} bytes are left over`)
    return value
  }

  functionHeads(): readonly unknown[] {
    if (!(this.#flags & format.FUNCTIONS)) return []
    const trailer = new Reader(this.bytes, this.#trailerAt, this.end)
    const length = trailer.count()
    const heads = decode(this.bytes, trailer.at, trailer.at + length)
    if (!Array.isArray(heads)) throw this.bad('its functions have no heads')
    return heads
  }

  /** The handles of this message; positions are from the message's first byte. */
  landings(): HandleLandings | undefined {
    if (!(this.#flags & format.HANDLES)) return undefined
    const first = this.at - 1
    const trailer = new Reader(this.bytes, this.#trailerAt, this.end)
    if (this.#flags & format.FUNCTIONS) {
      const length = trailer.count()
      trailer.at += length
    }
    const positions: number[] = []
    for (let count = trailer.count(); count > 0; count--) {
      const position = trailer.varint() + first
      if (position <= (positions.at(-1) ?? first) || position >= this.#trailerAt) throw this.bad('a handle lies outside')
      positions.push(position)
    }
    return new HandleLandings(this.bytes, positions, this.#trailerAt, { decode, adoptHandles, discard })
  }

  /** After a failure: handles that were not decoded must not stay in flight. */
  discardRest(): void {
    discardFlights(this.#landings)
  }

  read(): unknown {
    if (this.at >= this.end) throw this.bad('it ends too early')
    const tag = this.bytes[this.at++] as number
    if (tag < format.SHORT_STRING) return tag
    if (tag < format.SHORT_ARRAY) return this.latin1(tag & 31)
    if (tag < format.NULL) return this.#array(tag & 15)
    switch (tag) {
      case format.NULL:
        return null
      case format.UNDEFINED:
        return undefined
      case format.TRUE:
        return true
      case format.FALSE:
        return false
      case format.INT16:
        return this.int16()
      case format.INT32:
        return this.int32()
      case format.FLOAT:
        return this.float64()
      case format.STRING:
        return this.latin1(this.varint())
      case format.WIDE_STRING:
        return this.utf16(this.varint())
      case format.ARRAY:
        return this.#array(this.varint())
      case format.EMPTY_OBJECT:
      case format.NEW_SHAPE:
      case format.SHAPE:
      case format.PAIRS:
        return this.#plain(tag)
      case format.REF:
        return this.#ref()
      case format.FUNCTION:
        return this.#function()
      case format.INSTANCE:
        return this.#instance()
      case format.SUBCLASS:
        return this.#nested(() => readSubclass(this))
      case format.REDUCED:
        return this.#reduced()
      case format.HANDLE:
        return this.#handle()
      case format.NAMED_ARRAY:
        return this.#nested(() => this.fieldsInto(this.#arrayOnly()))
      default:
        return this.#nested(() => readBuiltin(this, tag))
    }
  }

  #array(length: number): unknown[] {
    if (++this.#depth > format.MAX_READ_DEPTH) throw this.bad('it is nested too deeply')
    const items: unknown[] = []
    this.add(items)
    for (let i = 0; i < length; i++) {
      if (this.bytes[this.at] === format.HOLES && this.at < this.end) {
        this.at++
        const holes = this.varint()
        if (holes === 0 || holes > length - i) throw this.bad('an array has wrong holes')
        i += holes - 1
        items.length = i + 1
      } else items[i] = this.read()
    }
    this.#depth--
    return items
  }

  #plain(tag: number): object {
    if (++this.#depth > format.MAX_READ_DEPTH) throw this.bad('it is nested too deeply')
    let value: object
    if (tag === format.NEW_SHAPE || tag === format.SHAPE) {
      const shape = tag === format.SHAPE ? this.#shape() : this.#newShape()
      // A compiled maker reads the values before the object exists, so nothing could refer to it from inside.
      const make = this.#objects === undefined ? makerOf(shape) : undefined
      value = make !== undefined ? make(this) : this.#values(this.add({}), shape)
    } else {
      value = this.add({})
      if (tag === format.PAIRS) this.#pairs(value)
    }
    this.#depth--
    return value
  }

  /** Reads fields into an object that is there already. */
  fieldsInto<T extends object>(value: T): T {
    const tag = this.byte()
    if (tag === format.NEW_SHAPE) this.#values(value, this.#newShape())
    else if (tag === format.SHAPE) this.#values(value, this.#shape())
    else if (tag === format.PAIRS) this.#pairs(value)
    else if (tag !== format.EMPTY_OBJECT) throw this.bad('fields are missing')
    return value
  }

  #values(value: object, shape: ReaderShape): object {
    const { keys } = shape
    for (let i = 0; i < keys.length; i++) setOwn(value, keys[i] as string, this.read())
    return value
  }

  #pairs(value: object): void {
    for (let count = this.count(); count > 0; count--) {
      const key = this.text()
      setOwn(value, key, this.read())
    }
  }

  #newShape(): ReaderShape {
    const hash = this.byte()
    const count = this.varint()
    const length = this.count()
    if (count > length) throw this.bad('a key list is too short')
    const shape = keptShape(hash, count, this.bytes, this.at, length) ?? this.#keyList(hash, count, length)
    this.at += length
    if (this.#shapes === undefined) this.#shapes = [shape]
    else this.#shapes.push(shape)
    return shape
  }

  #keyList(hash: number, count: number, length: number): ReaderShape {
    const list = new Reader(this.bytes, this.at, this.at + length)
    const keys: string[] = []
    for (let i = 0; i < count; i++) keys.push(list.text())
    if (list.at !== list.end) throw this.bad('a key list is too long')
    return keepShape(hash, keys, this.bytes.subarray(this.at, this.at + length))
  }

  #shape(): ReaderShape {
    const shape = this.#shapes?.[this.varint()]
    if (shape === undefined) throw this.bad('a shape is not defined')
    return shape
  }

  /** Gives an object its number; call it before reading what the object holds. */
  add<T extends object>(value: T): T {
    if (this.#objects !== undefined) this.finish(this.reserve(), value)
    return value
  }

  /** The number of an object that can only be made after something else was read. */
  reserve(): number {
    if (this.#objects === undefined) return -1
    const number = this.#reserved < 0 ? this.#objects.push(unfinished) - 1 : this.#reserved
    this.#reserved = -1
    return number
  }

  finish(number: number, value: unknown): void {
    if (this.#objects !== undefined) this.#objects[number] = value
  }

  /** The object read next has this number already. */
  takeNumber(number: number): void {
    this.#reserved = number
  }

  #ref(): unknown {
    const value = this.#objects?.[this.varint()]
    if (value === undefined || value === unfinished) throw this.bad('it refers to an object that is not there')
    return value
  }

  #function(): Function {
    const index = this.varint()
    const fn = this.#functions[index]
    if (typeof fn !== 'function') throw this.bad('a function is not defined')
    this.functionParts(index)
    return fn
  }

  /** Where a function appears first, what fills it follows. */
  functionParts(index: number): void {
    const filled = (this.#filled ??= [])
    if (filled[index]) return
    filled[index] = true
    this.#nested(() => {
      for (let needed = this.count(); needed > 0; needed--) this.read()
      const parts: unknown[] = []
      for (let count = this.count(); count > 0; count--) parts.push(this.read())
      this.#fill?.(index, parts)
    })
  }

  /** The class of the object that follows; its parts follow that object, so that they may refer to it. */
  class(): { index: number; prototype: object } {
    if (this.byte() !== format.FUNCTION) throw this.bad('a class is missing')
    const index = this.varint()
    const prototype: unknown = this.#functions[index]?.prototype
    if (typeof prototype !== 'object' || prototype === null) throw this.bad('a class is missing')
    return { index, prototype }
  }

  #instance(): object {
    return this.#nested(() => {
      const { index, prototype } = this.class()
      const value = this.add(Object.create(prototype) as object)
      this.functionParts(index)
      return this.fieldsInto(value)
    })
  }

  #reduced(): unknown {
    return this.#nested(() => {
      const number = this.reserve()
      const isClass = this.byte() === 1
      const by = this.read()
      if (typeof by !== 'function') throw this.bad('what rebuilds a value is no function')
      const parts: unknown[] = []
      for (let count = this.count(); count > 0; count--) parts.push(this.read())
      const value = isClass ? (by as unknown as Record<symbol, (...parts: unknown[]) => unknown>)[format.REBUILD]?.(...parts) : by(...parts)
      this.finish(number, value)
      return value
    })
  }

  #handle(): unknown {
    const number = this.reserve()
    if (!this.#landings) throw this.bad('a handle is not announced')
    const landed = this.#landings.next(this.at - 1)
    this.at = landed.end
    this.finish(number, landed.value)
    return landed.value
  }

  #arrayOnly(): unknown[] {
    const tag = this.byte()
    if (tag >= format.SHORT_ARRAY && tag < format.NULL) return this.#array(tag & 15)
    if (tag !== format.ARRAY) throw this.bad('an array is missing')
    return this.#array(this.varint())
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > format.MAX_READ_DEPTH) throw this.bad('it is nested too deeply')
    const value = read()
    this.#depth--
    return value
  }
}

/** Always an own property: a key `__proto__` from elsewhere must not reach the prototype. */
export function setOwn(value: object, key: string, item: unknown): void {
  if (key === '__proto__' || (key in value && !Object.hasOwn(value, key))) {
    Object.defineProperty(value, key, { value: item, writable: true, enumerable: true, configurable: true })
  } else (value as Record<string, unknown>)[key] = item
}
