import { argumentType, argumentValue } from '@multiproc/core'
import type { ArrayOf, Typecode, TypeName, ValueOf } from '@multiproc/shared'
import { call, ManagedProxy } from '../proxy.ts'
import { builtin } from './managed-type.ts'
import { placeOf } from './place.ts'

const classes = {
  int8: Int8Array, b: Int8Array, uint8: Uint8Array, B: Uint8Array, c: Uint8Array, int16: Int16Array, h: Int16Array, uint16: Uint16Array, H: Uint16Array,
  int32: Int32Array, i: Int32Array, uint32: Uint32Array, I: Uint32Array, bigint64: BigInt64Array, l: BigInt64Array, q: BigInt64Array,
  biguint64: BigUint64Array, L: BigUint64Array, Q: BigUint64Array, float32: Float32Array, f: Float32Array, float64: Float64Array, d: Float64Array,
} as const

type Numbers = ArrayOf<TypeName>

export const array = builtin<Numbers>({
  create(type: string, init: number | Iterable<number | bigint>) {
    const Class = Object.hasOwn(classes, type) ? (classes[type as keyof typeof classes] as new (length: number) => Numbers) : undefined
    if (Class === undefined) throw argumentValue('manager.array(): type', `one of ${Object.keys(classes).join(', ')}`, type)
    if (typeof init === 'number') return new Class(init)
    const items = [...init]
    const made = new Class(items.length)
    items.forEach((value, index) => store(made, index, value))
    return made
  },
  copy: (items) => items,
  exposed: {
    at: (items, index: number) => items.at(index),
    set: (items, index: unknown, value: unknown) => store(items, placeOf('array.set()', 'array', items, index), value),
    slice: (items, start?: number, end?: number) => items.slice(start, end),
    length: (items) => items.length,
  },
})

/** Out of range is an error, never a silent wrap. */
function store(items: Numbers, index: number, value: unknown): void {
  const isBig = items instanceof BigInt64Array || items instanceof BigUint64Array
  if (typeof value !== (isBig ? 'bigint' : 'number')) throw argumentType('array.set(): value', isBig ? 'a bigint' : 'a number', value)
  const before = items[index]
  items[index] = value as never
  if (items[index] === value || items instanceof Float32Array || items instanceof Float64Array) return
  items[index] = before as never
  throw argumentValue('array.set(): value', `a value of ${items.constructor.name}`, value)
}

/** Numbers of one type in a manager's server. For speed use a SharedArray. Python: `manager.Array(typecode, sequence)`. */
export class ArrayProxy<N extends TypeName | Typecode = TypeName> extends ManagedProxy implements AsyncIterable<ValueOf<N>> {
  at(index: number): Promise<ValueOf<N> | undefined> {
    return call(this, 'at', [index])
  }

  /** -1 is the last. @throws ERR_MULTIPROC_ARG_VALUE outside the array, and for a value outside the type. */
  set(index: number, value: ValueOf<N>): Promise<void> {
    return call(this, 'set', [index, value])
  }

  slice(start?: number, end?: number): Promise<ArrayOf<N>> {
    return call(this, 'slice', [start, end])
  }

  length(): Promise<number> {
    return call(this, 'length', [])
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ValueOf<N>, void, void> {
    yield* (await this.slice()) as unknown as Iterable<ValueOf<N>>
  }
}
