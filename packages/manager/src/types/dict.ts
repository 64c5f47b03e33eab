import { call, ManagedProxy } from '../proxy.ts'
import { builtin, isThenable } from './managed-type.ts'

type Dict = Map<unknown, unknown>

export const dict = builtin<Dict>({
  create: (init = new Map()) => (init instanceof Map ? init : new Map(Object.entries(init as object))),
  copy: (map) => map,
  exposed: {
    get: (map, key) => map.get(key),
    set: (map, key, value) => void map.set(key, value),
    has: (map, key) => map.has(key),
    delete: (map, key) => map.delete(key),
    clear: (map) => map.clear(),
    size: (map) => map.size,
    keys: (map) => [...map.keys()],
    values: (map) => [...map.values()],
    entries: (map) => [...map.entries()],
    update: (map, key, change: (value: unknown) => unknown) => {
      const store = (value: unknown): unknown => (map.set(key, value), value)
      const changed = change(map.get(key))
      return isThenable(changed) ? changed.then(store) : store(changed)
    },
  },
})

/**
 * A Map in a manager's server: the methods of Map, as promises. Keys keep their type, so `1` and `'1'` are two; objects as
 * keys are copies, found by nobody again. `for await` goes through the entries as they were when it began.
 * Python: `DictProxy`.
 */
export class DictProxy<K = unknown, V = unknown> extends ManagedProxy implements AsyncIterable<[K, V]> {
  get(key: K): Promise<V | undefined> {
    return call(this, 'get', [key])
  }

  /** Like every call, it is on its way when it returns: await it to know that it was done. */
  set(key: K, value: V): Promise<void> {
    return call(this, 'set', [key, value])
  }

  has(key: K): Promise<boolean> {
    return call(this, 'has', [key])
  }

  /** @returns true if there was one. */
  delete(key: K): Promise<boolean> {
    return call(this, 'delete', [key])
  }

  clear(): Promise<void> {
    return call(this, 'clear', [])
  }

  size(): Promise<number> {
    return call(this, 'size', [])
  }

  keys(): Promise<K[]> {
    return call(this, 'keys', [])
  }

  values(): Promise<V[]> {
    return call(this, 'values', [])
  }

  entries(): Promise<[K, V][]> {
    return call(this, 'entries', [])
  }

  /**
   * Sets `key` to what `change` makes of its value. `change` runs in the server, as a copy with the variables it captures,
   * and nobody else's call comes in between (nor, if it is async, any other call of this object).
   * @returns the new value. Python has no counterpart: there a lock is used.
   * @example await counts.update('a', (n = 0) => n + 1)
   */
  update<C extends (value: V | undefined) => V | Promise<V>>(key: K, change: C): Promise<V> {
    return call(this, 'update', [key, change])
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<[K, V], void, void> {
    yield* await this.entries()
  }
}
