/**
 * The only file that says `Atomics`: everything else gets these operations injected, so that the model tests can put a
 * gate before each step and the crash tests can die at it. All of them are sequentially consistent.
 */
export interface AtomicOps {
  load(words: Int32Array, index: number): number
  store(words: Int32Array, index: number, value: number): number
  /** Returns the value that was there; equal to `expected` means it was replaced. */
  compareExchange(words: Int32Array, index: number, expected: number, value: number): number
  exchange(words: Int32Array, index: number, value: number): number
  add(words: Int32Array, index: number, value: number): number
  or(words: Int32Array, index: number, value: number): number
  and(words: Int32Array, index: number, value: number): number
}

export const atomics: AtomicOps = {
  load: (words, index) => Atomics.load(words, index),
  store: (words, index, value) => Atomics.store(words, index, value),
  compareExchange: (words, index, expected, value) => Atomics.compareExchange(words, index, expected, value),
  exchange: (words, index, value) => Atomics.exchange(words, index, value),
  add: (words, index, value) => Atomics.add(words, index, value),
  or: (words, index, value) => Atomics.or(words, index, value),
  and: (words, index, value) => Atomics.and(words, index, value),
}

/** Integers of any width that are read and written in one step. */
export type IntegerArray = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array
export type BigIntegerArray = BigInt64Array | BigUint64Array

/**
 * The same steps on integers of all widths, for values that programs share. Nothing of the library's own protocols lies in
 * such cells, so no test has to come in between.
 */
export const cells = {
  load: <V extends IntegerArray | BigIntegerArray>(view: V, index: number): V[number] => Atomics.load(view as BigInt64Array, index) as unknown as V[number],
  store: <V extends IntegerArray | BigIntegerArray>(view: V, index: number, value: V[number]): void => {
    Atomics.store(view as BigInt64Array, index, value as bigint)
  },
  exchange: <V extends IntegerArray | BigIntegerArray>(view: V, index: number, value: V[number]): V[number] =>
    Atomics.exchange(view as BigInt64Array, index, value as bigint) as unknown as V[number],
  compareExchange: <V extends IntegerArray | BigIntegerArray>(view: V, index: number, expected: V[number], value: V[number]): V[number] =>
    Atomics.compareExchange(view as BigInt64Array, index, expected as bigint, value as bigint) as unknown as V[number],
}

/** Sleep and wake-up on words of one process (a `SharedArrayBuffer`), among its threads. */
export const localWords = {
  /** Sleeps while the word holds `expected`, at most `timeoutMs`; may return early. */
  sleep: (words: Int32Array, index: number, expected: number, timeoutMs: number): void => {
    Atomics.wait(words, index, expected, timeoutMs)
  },
  wakeAll: (words: Int32Array, index: number): void => {
    Atomics.notify(words, index)
  },
}
