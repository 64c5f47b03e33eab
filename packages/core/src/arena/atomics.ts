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
