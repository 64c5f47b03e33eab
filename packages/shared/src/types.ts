import { argumentType, argumentValue, cells, MultiprocError, show, type BigIntegerArray, type IntegerArray } from '@multiproc/core'

interface Views {
  int8: Int8Array
  uint8: Uint8Array
  int16: Int16Array
  uint16: Uint16Array
  int32: Int32Array
  uint32: Uint32Array
  bigint64: BigInt64Array
  biguint64: BigUint64Array
  float32: Float32Array
  float64: Float64Array
}

interface Codes {
  b: 'int8'
  B: 'uint8'
  c: 'uint8'
  h: 'int16'
  H: 'uint16'
  i: 'int32'
  I: 'uint32'
  l: 'bigint64'
  L: 'biguint64'
  q: 'bigint64'
  Q: 'biguint64'
  f: 'float32'
  d: 'float64'
}

export type TypeName = keyof Views
/** Python's type codes. `l` and `L` have 64 bits, as on Linux; `c` is a byte. */
export type Typecode = keyof Codes
type NameOf<N extends TypeName | Typecode> = N extends TypeName ? N : N extends Typecode ? Codes[N] : never
/** `bigint` for the 64-bit integers, `number` for all others. */
export type ValueOf<N extends TypeName | Typecode> = NameOf<N> extends 'bigint64' | 'biguint64' ? bigint : number
export type ArrayOf<N extends TypeName | Typecode> = Views[NameOf<N>]
export type View = Views[TypeName]

const codes: Readonly<Codes> = {
  b: 'int8', B: 'uint8', c: 'uint8', h: 'int16', H: 'uint16', i: 'int32', I: 'uint32', l: 'bigint64', L: 'biguint64', q: 'bigint64', Q: 'biguint64', f: 'float32', d: 'float64',
}

interface ViewClass {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBuffer, offset: number, length: number): View
}

/** How one type lies in memory, and what it can hold. */
export interface ElementType {
  readonly name: TypeName
  readonly View: ViewClass
  readonly bytes: number
  /** Bounds of an integer type; a float has none. */
  readonly min?: number | bigint
  readonly max?: number | bigint
  /** As what a float is read and written in one step. */
  readonly Bits?: new (buffer: ArrayBuffer, offset: number, length: number) => Int32Array | BigInt64Array
}

const integer = (name: TypeName, View: ViewClass, min: number | bigint, max: number | bigint): ElementType => ({ name, View, bytes: View.BYTES_PER_ELEMENT, min, max })

const types: Readonly<Record<TypeName, ElementType>> = {
  int8: integer('int8', Int8Array, -128, 127),
  uint8: integer('uint8', Uint8Array, 0, 255),
  int16: integer('int16', Int16Array, -32_768, 32_767),
  uint16: integer('uint16', Uint16Array, 0, 65_535),
  int32: integer('int32', Int32Array, -(2 ** 31), 2 ** 31 - 1),
  uint32: integer('uint32', Uint32Array, 0, 2 ** 32 - 1),
  bigint64: integer('bigint64', BigInt64Array, -(2n ** 63n), 2n ** 63n - 1n),
  biguint64: integer('biguint64', BigUint64Array, 0n, 2n ** 64n - 1n),
  float32: { name: 'float32', View: Float32Array, bytes: 4, Bits: Int32Array },
  float64: { name: 'float64', View: Float64Array, bytes: 8, Bits: BigInt64Array },
}

/** The type that a name or a code of Python's stands for. Throws before anything happened. */
export function elementType(call: string, type: unknown): ElementType {
  if (type === 'u') {
    throw new MultiprocError('ERR_MULTIPROC_UNSUPPORTED', `${call} failed: type code 'u' (wide characters) is not supported. Use a ShareableList for text, or 'c' for bytes.`)
  }
  const name = typeof type === 'string' && Object.hasOwn(codes, type) ? codes[type as Typecode] : type
  if (typeof name === 'string' && Object.hasOwn(types, name)) return types[name as TypeName]
  throw argumentType(`${call}: type`, `a type name (${Object.keys(types).join(', ')}) or a type code of Python's (${Object.keys(codes).join(' ')})`, type)
}

/** Throws unless the type can hold the value: nothing is ever wrapped or cut. */
export function checkValue(what: string, { name, min, max }: ElementType, value: unknown): asserts value is number | bigint {
  if (min === undefined || max === undefined) {
    if (typeof value !== 'number') throw argumentType(what, `a number (${name})`, value)
    if (name === 'float32' && Number.isFinite(value) && !Number.isFinite(Math.fround(value))) throw argumentValue(what, 'a number that float32 can hold', value)
    return
  }
  if (typeof value !== typeof min) throw argumentType(what, `a ${typeof min} (${name})`, value)
  const fits = (value as number) >= min && (value as number) <= max && (typeof value === 'bigint' || Number.isInteger(value))
  if (!fits) throw argumentValue(what, `an integer from ${min} to ${max} (${name})`, value)
}

/** A row of values of one type in shared memory, each read and written in one step. */
export class Cells {
  readonly type: ElementType
  readonly length: number
  readonly #view: IntegerArray | BigIntegerArray
  readonly #isFloat: boolean

  constructor(type: ElementType, buffer: ArrayBuffer, offset: number, length: number) {
    this.type = type
    this.length = length
    this.#isFloat = type.Bits !== undefined
    this.#view = type.Bits ? new type.Bits(buffer, offset, length) : (new type.View(buffer, offset, length) as IntegerArray)
  }

  get(index: number): number | bigint {
    return this.#read(cells.load(this.#view, index))
  }

  set(what: string, index: number, value: unknown): void {
    checkValue(what, this.type, value)
    cells.store(this.#view, index, this.#bits(value) as never)
  }

  exchange(what: string, index: number, value: unknown): number | bigint {
    checkValue(what, this.type, value)
    return this.#read(cells.exchange(this.#view, index, this.#bits(value) as never))
  }

  /** Adds in one step and returns the old value. Nothing is changed if the sum does not fit. */
  add(what: string, index: number, value: unknown): number | bigint {
    const { type } = this
    if (typeof value !== (typeof type.min === 'bigint' ? 'bigint' : 'number')) throw argumentType(what, `a ${typeof type.min === 'bigint' ? 'bigint' : 'number'} (${type.name})`, value)
    for (;;) {
      const bits = cells.load(this.#view, index)
      const old = this.#read(bits)
      const sum = ((old as number) + (value as number)) as number | bigint
      checkValue(`${what} (${show(value)}) added to ${show(old)}`, type, sum)
      // Another thread was faster: its value counts, and the sum is checked anew.
      if (cells.compareExchange(this.#view, index, bits as never, this.#bits(sum) as never) === bits) return old
    }
  }

  /** Puts `value` there if `expected` is; returns what was there. NaN equals itself, and 0 equals -0. */
  compareExchange(what: string, index: number, expected: unknown, value: unknown): number | bigint {
    checkValue(`${what}: expected`, this.type, expected)
    checkValue(`${what}: value`, this.type, value)
    const wanted = this.#isFloat ? this.#read(this.#bits(expected)) : expected
    for (;;) {
      const bits = cells.load(this.#view, index)
      const old = this.#read(bits)
      if (old !== wanted && !(Number.isNaN(old) && Number.isNaN(wanted))) return old
      if (cells.compareExchange(this.#view, index, bits as never, this.#bits(value) as never) === bits) return old
    }
  }

  #read(bits: number | bigint): number | bigint {
    if (!this.#isFloat) return bits
    if (typeof bits === 'bigint') {
      bits64[0] = bits
      return float64[0] as number
    }
    bits32[0] = bits
    return float32[0] as number
  }

  #bits(value: number | bigint): number | bigint {
    if (!this.#isFloat) return value
    if (this.type.bytes === 8) {
      float64[0] = value as number
      return bits64[0] as bigint
    }
    float32[0] = value as number
    return bits32[0] as number
  }
}

const scratch = new ArrayBuffer(8)
const float64 = new Float64Array(scratch)
const bits64 = new BigInt64Array(scratch)
const float32 = new Float32Array(scratch)
const bits32 = new Int32Array(scratch)
