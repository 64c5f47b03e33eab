// Functions travel in messages with proxies: what rebuilds them.
import '@multiproc/closure'
import type { Link } from '../link.ts'
import { bind } from '../proxy.ts'
import type { Reference } from '../proxy.ts'
import { array, ArrayProxy } from './array.ts'
import { dict, DictProxy } from './dict.ts'
import { list, ListProxy } from './list.ts'
import type { ManagedType } from './managed-type.ts'
import { makeNamespace, namespace, NamespaceReferent } from './namespace.ts'
import { pool, PoolProxy } from './pool.ts'
import { joinableQueue, JoinableQueueProxy, queue, QueueProxy } from './queue.ts'
import { iterator, IteratorProxy, makeObject, ObjectReferent } from './registered.ts'
import { set, SetProxy } from './set.ts'
import { barrier, BarrierProxy } from './barrier.ts'
import { condition, ConditionProxy } from './condition.ts'
import { event, EventProxy } from './event.ts'
import { lock, LockProxy, rlock, RLockProxy } from './lock.ts'
import { boundedSemaphore, semaphore, SemaphoreProxy } from './semaphore.ts'
import { segments } from './segments.ts'
import { value, ValueProxy } from './value.ts'

interface Entry {
  /** What the server knows of it. */
  readonly type: ManagedType
  readonly class: abstract new () => object
  readonly name: string
  make(): object
}

function entry(type: ManagedType, Class: new () => object, name: string): Entry {
  return { type, class: Class, name, make: () => new Class() }
}

/** All types that each server has; what a user registers comes on top. */
export const catalog: ReadonlyMap<string, Entry> = new Map<string, Entry>([
  ['dict', entry(dict, DictProxy, 'DictProxy')],
  ['list', entry(list, ListProxy, 'ListProxy')],
  ['set', entry(set, SetProxy, 'SetProxy')],
  ['value', entry(value, ValueProxy, 'ValueProxy')],
  ['namespace', { type: namespace, class: NamespaceReferent, name: 'NamespaceProxy', make: makeNamespace }],
  ['array', entry(array, ArrayProxy, 'ArrayProxy')],
  ['queue', entry(queue, QueueProxy, 'QueueProxy')],
  ['joinableQueue', entry(joinableQueue, JoinableQueueProxy, 'JoinableQueueProxy')],
  ['lock', entry(lock, LockProxy, 'LockProxy')],
  ['rlock', entry(rlock, RLockProxy, 'RLockProxy')],
  ['semaphore', entry(semaphore, SemaphoreProxy, 'SemaphoreProxy')],
  ['boundedSemaphore', entry(boundedSemaphore, SemaphoreProxy, 'SemaphoreProxy')],
  ['event', entry(event, EventProxy, 'EventProxy')],
  ['condition', entry(condition, ConditionProxy, 'ConditionProxy')],
  ['barrier', entry(barrier, BarrierProxy, 'BarrierProxy')],
  ['pool', entry(pool, PoolProxy, 'PoolProxy')],
  ['iterator', entry(iterator, IteratorProxy, 'IteratorProxy')],
  ['segments', { type: segments, class: ObjectReferent, name: 'segments', make: makeObject }],
])

/** The classes that proxies of all kinds are of. */
export const proxyClasses: ReadonlySet<abstract new () => object> = new Set([ObjectReferent, ...[...catalog.values()].map((entry) => entry.class)])

export function makeProxy(type: string, link: Link, referent: Reference): object {
  const known = catalog.get(type)
  const proxy = known === undefined ? makeObject() : known.make()
  bind(proxy, type, known?.name ?? type, link, referent)
  return proxy
}
