import { call, ManagedProxy } from '../proxy.ts'
import { builtin } from './managed-type.ts'

export const set = builtin<Set<unknown>>({
  create: (init = new Set()) => (init instanceof Set ? init : new Set(init as Iterable<unknown>)),
  copy: (items) => items,
  exposed: {
    add: (items, value) => void items.add(value),
    has: (items, value) => items.has(value),
    delete: (items, value) => items.delete(value),
    clear: (items) => items.clear(),
    size: (items) => items.size,
    values: (items) => [...items],
  },
})

/** A Set in a manager's server: the methods of Set, as promises. `for await` goes through it as it was when it began. */
export class SetProxy<T = unknown> extends ManagedProxy implements AsyncIterable<T> {
  add(value: T): Promise<void> {
    return call(this, 'add', [value])
  }

  has(value: T): Promise<boolean> {
    return call(this, 'has', [value])
  }

  /** @returns true if it was there. */
  delete(value: T): Promise<boolean> {
    return call(this, 'delete', [value])
  }

  clear(): Promise<void> {
    return call(this, 'clear', [])
  }

  size(): Promise<number> {
    return call(this, 'size', [])
  }

  values(): Promise<T[]> {
    return call(this, 'values', [])
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    yield* await this.values()
  }
}
