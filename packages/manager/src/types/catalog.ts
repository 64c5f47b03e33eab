import { registerReducer } from '@multiproc/core'
// Functions travel in messages with proxies: what rebuilds them.
import '@multiproc/closure'
import { Link } from '../link.ts'
import type { ServerAddress } from '../link.ts'
import type { TypeName } from '../protocol.ts'
import { bind, partsOf } from '../proxy.ts'
import type { Referent } from '../referent.ts'
import { dict, DictProxy } from './dict.ts'
import { list, ListProxy } from './list.ts'
import type { ManagedType } from './managed-type.ts'
import { makeNamespace, namespace, NamespaceReferent } from './namespace.ts'
import { set, SetProxy } from './set.ts'
import { value, ValueProxy } from './value.ts'

/** All types, as the server knows them. */
export const managedTypes: Readonly<Record<TypeName, ManagedType>> = { dict, list, set, namespace, value }

interface ProxyClass {
  readonly class: abstract new () => object
  readonly name: string
  make(): object
}

const proxies: Readonly<Record<TypeName, ProxyClass>> = {
  dict: { class: DictProxy, name: 'DictProxy', make: () => new DictProxy() },
  list: { class: ListProxy, name: 'ListProxy', make: () => new ListProxy() },
  set: { class: SetProxy, name: 'SetProxy', make: () => new SetProxy() },
  value: { class: ValueProxy, name: 'ValueProxy', make: () => new ValueProxy() },
  namespace: { class: NamespaceReferent, name: 'NamespaceProxy', make: makeNamespace },
}

export function makeProxy(type: TypeName, link: Link, referent: Referent): object {
  const { name, make } = proxies[type]
  const proxy = make()
  bind(proxy, type, name, link, referent)
  return proxy
}

/** A proxy again, in the thread that received it. Sent by reference: exported by the entry of the server, too. */
export function rebuildProxy(type: TypeName, server: ServerAddress, referent: Referent): object {
  return makeProxy(type, Link.to(server), referent)
}

for (const { class: Class } of Object.values(proxies)) registerReducer(Class, { reduce: partsOf, rebuild: rebuildProxy })
