import { argumentType, checkSyncWaitOptions } from '@multiproc/core'
import { COPY, DESCRIBE, GET } from '../protocol.ts'
import { call, callSync, typeOf } from '../proxy.ts'
import { catalog } from './catalog.ts'
import type { ArrayProxy } from './array.ts'
import type { DictProxy } from './dict.ts'
import type { ListProxy } from './list.ts'
import type { ObjectOf, SyncObject } from './registered-types.ts'
import type { SetProxy } from './set.ts'
import type { ValueProxy } from './value.ts'
import type { ManagedProxy } from '../proxy.ts'
import type { ResultsOfWaits } from './wait-arguments.ts'
import type { ArrayOf } from '@multiproc/shared'

/** What an object of a manager holds. */
export type Contents<P> =
  P extends DictProxy<infer K, infer V> ? Map<K, V>
  : P extends ListProxy<infer T> ? T[]
  : P extends SetProxy<infer T> ? Set<T>
  : P extends ValueProxy<infer T> ? T
  : P extends ArrayProxy<infer N> ? ArrayOf<N>
  : [ObjectOf<P>] extends [never] ? P
  : ObjectOf<P>

type AnyMethod = (...args: any[]) => Promise<any>
/** Methods that run code here between two calls have no blocking form. */
type AsyncOnly = 'hold' | 'runExclusive' | 'waitFor' | 'imap' | 'imapUnordered' | 'putNowait' | 'getNowait' | 'tryAcquire'

/** The methods of a proxy, blocking; it can be iterated where the proxy can. */
export type Sync<P> =
  0 extends 1 & P ? any
  : [SyncObject<P>] extends [never] ?
    P extends ValueProxy<infer T> ? { get(): T; set(value: T): void; value: T }
    : P extends ManagedProxy ? { [K in keyof P as K extends AsyncOnly ? never : P[K] extends AnyMethod ? K : P[K] extends Promise<any> ? K : never]: SyncOf<P[K]> } & SyncExtras<P> : P
  : SyncObject<P>

type SyncOf<M> = M extends (...args: infer A) => Promise<infer R> ? (...args: A) => R : M extends Promise<any> ? () => Awaited<M> : never
type SyncExtras<P> = P extends AsyncIterable<infer T> ? Iterable<T> : unknown

/**
 * A copy of the object a proxy stands for: a Map, array, Set, plain object, value or instance. Proxies in it stay proxies.
 * @throws ServerLostError; ERR_MULTIPROC_ARG_TYPE; ERR_MULTIPROC_UNSUPPORTED for what has no contents, such as a lock.
 * Python: `proxy._getvalue()`, `copy.deepcopy`.
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
 * The methods of a proxy as blocking ones; a namespace's fields and an object's getters are read directly, a value's by
 * `value`, other properties by a call (`sync(barrier).parties()`). Calls of both kinds keep their order.
 * @throws from each method: ServerLostError, at once when the server dies; ERR_MULTIPROC_DEADLOCK in the server itself.
 * @example sync(counts).get('a') // => 1
 */
export function sync<P extends object>(proxy: P): Sync<P> {
  const type = typeOf(proxy, 'sync()')
  if (type === 'namespace') return fieldsOf(proxy) as Sync<P>
  const known = catalog.get(type)
  const facade: Record<string | symbol, unknown> = {}
  const { methods, fields } = known === undefined ? (callSync(proxy, DESCRIBE, []) as { methods: string[]; fields: string[] }) : known.type.names(undefined)
  const waits = (known?.class as { waits?: ResultsOfWaits } | undefined)?.waits ?? {}
  for (const name of methods) facade[name] = Object.hasOwn(waits, name) ? waiting(proxy, name, waits[name]!) : (...args: unknown[]) => callSync(proxy, name, args)
  for (const name of fields) Object.defineProperty(facade, name, { get: () => callSync(proxy, GET, [name]), enumerable: true })
  if (type === 'value') {
    Object.defineProperty(facade, 'value', { get: () => callSync(proxy, 'get', []), set: (value) => void callSync(proxy, 'set', [value]), enumerable: true })
  } else if (Symbol.asyncIterator in proxy && known?.type.copy !== undefined) {
    facade[Symbol.iterator] = () => (callSync(proxy, COPY, []) as Iterable<unknown>)[Symbol.iterator]()
  }
  return facade as Sync<P>
}

/** A method that waits in the server: this thread is blocked meanwhile, and says so. */
function waiting(proxy: object, name: string, { at, result }: ResultsOfWaits[string]): (...args: unknown[]) => unknown {
  return (...args) => {
    const options = checkSyncWaitOptions(`sync(proxy).${name}()`, args[at] as object | undefined)
    const sent = args.slice(0, at)
    while (sent.length < at) sent.push(undefined)
    return result(callSync(proxy, name, [...sent, { timeout: options.timeout, blocking: true }]), options)
  }
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
