import { call, ManagedProxy, post } from '../proxy.ts'
import { builtin } from './managed-type.ts'

export const value = builtin<{ value: unknown }>({
  create: (init) => ({ value: init }),
  copy: (cell) => cell.value,
  exposed: {
    get: (cell) => cell.value,
    set: (cell, value) => void (cell.value = value),
  },
})

/** One value of any kind in a manager's server. Python: `ValueProxy`. */
export class ValueProxy<T = unknown> extends ManagedProxy {
  get(): Promise<T> {
    return call(this, 'get', [])
  }

  set(value: T): Promise<void> {
    return call(this, 'set', [value])
  }

  /** To be awaited when read. An assignment is on its way at once; a failure of it rejects the next awaited call. */
  get value(): Promise<T> {
    return this.get()
  }

  set value(value: T) {
    post(this, 'set', [value])
  }
}
