import { argumentType } from '@multiproc/core'
import { COPY } from '../protocol.ts'
import { call, callSync, typeOf } from '../proxy.ts'
import { managedTypes } from './catalog.ts'
import type { DictProxy } from './dict.ts'
import type { ListProxy } from './list.ts'
import type { SetProxy } from './set.ts'
import type { ValueProxy } from './value.ts'

/** What an object of a manager holds. */
export type Contents<P> =
  P extends DictProxy<infer K, infer V> ? Map<K, V>
  : P extends ListProxy<infer T> ? T[]
  : P extends SetProxy<infer T> ? Set<T>
  : P extends ValueProxy<infer T> ? T
  : P

type AnyMethod = (...args: any[]) => Promise<any>

/** The methods of a proxy, blocking; it can be iterated where the proxy can. */
export type Sync<P> = P extends DictProxy<any, any> | ListProxy<any> | SetProxy<any> | ValueProxy<any>
  ? { [K in keyof P as P[K] extends AnyMethod ? K : never]: P[K] extends (...args: infer A) => Promise<infer R> ? (...args: A) => R : never } & SyncExtras<P>
  : P

type SyncExtras<P> = P extends AsyncIterable<infer T> ? Iterable<T> : P extends ValueProxy<infer T> ? { value: T } : unknown

/**
 * A copy of the object a proxy stands for: a Map, array, Set, plain object or value. Proxies in it stay proxies.
 * @throws ServerLostError; ERR_MULTIPROC_ARG_TYPE. Python: `proxy._getvalue()`, `copy.deepcopy`.
 */
export async function copy<P extends object>(proxy: P): Promise<Contents<P>> {
  typeOf(proxy, 'copy()')
  return call(proxy, COPY, [])
}

/** The same, blocking this thread. */
export function copySync<P extends object>(proxy: P): Contents<P> {
  typeOf(proxy, 'copySync()')
  return callSync(proxy, COPY, []) as Contents<P>
}

/**
 * The methods of a proxy as blocking ones; a namespace's fields are read and set directly, a value's by `value`. Calls of both
 * kinds keep their order.
 * @throws from each method: ServerLostError, at once when the server dies; ERR_MULTIPROC_DEADLOCK in the server itself.
 * @example sync(counts).get('a') // => 1
 */
export function sync<P extends object>(proxy: P): Sync<P> {
  const type = typeOf(proxy, 'sync()')
  if (type === 'namespace') return fieldsOf(proxy) as Sync<P>
  const methods: Record<string | symbol, unknown> = {}
  for (const name of Object.keys(managedTypes[type].exposed)) methods[name] = (...args: unknown[]) => callSync(proxy, name, args)
  if (type === 'value') {
    Object.defineProperty(methods, 'value', { get: () => callSync(proxy, 'get', []), set: (value) => void callSync(proxy, 'set', [value]), enumerable: true })
  } else {
    methods[Symbol.iterator] = () => (callSync(proxy, COPY, []) as Iterable<unknown>)[Symbol.iterator]()
  }
  return methods as Sync<P>
}

function fieldsOf(proxy: object): object {
  return new Proxy(Object.create(null) as object, {
    get: (_, name) => (typeof name === 'string' && name !== 'then' ? callSync(proxy, 'get', [name]) : undefined),
    set: (_, name, value) => {
      if (typeof name !== 'string') throw argumentType('namespace: field', 'a string', name)
      callSync(proxy, 'set', [name, value])
      return true
    },
    deleteProperty: (_, name) => callSync(proxy, 'delete', [name]) !== undefined,
    has: (_, name) => Object.hasOwn(copySync(proxy), name),
    ownKeys: () => Object.keys(copySync(proxy)),
    getOwnPropertyDescriptor: (_, name) => Object.getOwnPropertyDescriptor(copySync(proxy), name),
  })
}
