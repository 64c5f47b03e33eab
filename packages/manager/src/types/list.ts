import { call, ManagedProxy } from '../proxy.ts'
import { builtin } from './managed-type.ts'
import { placeOf } from './place.ts'

type List = unknown[]

export const list = builtin<List>({
  create: (init = []) => (Array.isArray(init) ? init : [...(init as Iterable<unknown>)]),
  copy: (items) => items,
  exposed: {
    at: (items, index) => items.at(index),
    set: (items, index, value) => void (items[placeOf('list.set()', 'list', items, index)] = value),
    push: (items, ...values) => items.push(...values),
    pop: (items) => items.pop(),
    shift: (items) => items.shift(),
    unshift: (items, ...values) => items.unshift(...values),
    insert: (items, index, value) => void items.splice(placeOf('list.insert()', 'list', items, index, items.length), 0, value),
    reverse: (items) => void items.reverse(),
    sort: (items, compare) => void items.sort(compare),
    splice: (items, ...args) => items.splice(...(args as [number, number])),
    slice: (items, start, end) => items.slice(start, end),
    indexOf: (items, value) => items.indexOf(value),
    includes: (items, value) => items.includes(value),
    length: (items) => items.length,
  },
})

/**
 * An array in a manager's server: the methods of Array, as promises. `for await` goes through the items as they were when it
 * began. Python: `ListProxy`.
 */
export class ListProxy<T = unknown> extends ManagedProxy implements AsyncIterable<T> {
  at(index: number): Promise<T | undefined> {
    return call(this, 'at', [index])
  }

  /** Python: `list[index] = value`. @throws ERR_MULTIPROC_ARG_VALUE outside the list. */
  set(index: number, value: T): Promise<void> {
    return call(this, 'set', [index, value])
  }

  /** @returns the new length. */
  push(...values: T[]): Promise<number> {
    return call(this, 'push', values)
  }

  pop(): Promise<T | undefined> {
    return call(this, 'pop', [])
  }

  shift(): Promise<T | undefined> {
    return call(this, 'shift', [])
  }

  /** @returns the new length. */
  unshift(...values: T[]): Promise<number> {
    return call(this, 'unshift', values)
  }

  /** Puts a value before `index`. @throws ERR_MULTIPROC_ARG_VALUE outside the list. */
  insert(index: number, value: T): Promise<void> {
    return call(this, 'insert', [index, value])
  }

  reverse(): Promise<void> {
    return call(this, 'reverse', [])
  }

  /** `compare` runs in the server. */
  sort(compare?: (a: T, b: T) => number): Promise<void> {
    return call(this, 'sort', compare === undefined ? [] : [compare])
  }

  /** @returns what was taken out. */
  splice(start: number, ...rest: [deleteCount?: number, ...values: T[]]): Promise<T[]> {
    return call(this, 'splice', [start, ...rest])
  }

  slice(start?: number, end?: number): Promise<T[]> {
    return call(this, 'slice', [start, end])
  }

  indexOf(value: T): Promise<number> {
    return call(this, 'indexOf', [value])
  }

  includes(value: T): Promise<boolean> {
    return call(this, 'includes', [value])
  }

  length(): Promise<number> {
    return call(this, 'length', [])
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    yield* await this.slice()
  }
}
