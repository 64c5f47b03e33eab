import { argumentType } from '@multiproc/core'
import type { PoolOptions } from '@multiproc/pool'
import type { Typecode, TypeName, ValueOf } from '@multiproc/shared'
import { BaseManager } from './base-manager.ts'
import type { ManagerOptions } from './base-manager.ts'
import { makeLibraryClass } from './registrations.ts'
import type { ArrayProxy } from './types/array.ts'
import type { BarrierProxy, ManagedBarrierOptions } from './types/barrier.ts'
import type { ConditionProxy } from './types/condition.ts'
import type { DictProxy } from './types/dict.ts'
import type { EventProxy } from './types/event.ts'
import type { ListProxy } from './types/list.ts'
import type { LockProxy, RLockProxy } from './types/lock.ts'
import type { NamespaceProxy } from './types/namespace.ts'
import type { PoolProxy } from './types/pool.ts'
import type { JoinableQueueProxy, QueueProxy } from './types/queue.ts'
import type { SemaphoreProxy } from './types/semaphore.ts'
import type { SetProxy } from './types/set.ts'
import type { ValueProxy } from './types/value.ts'

/**
 * Starts a server process and returns its manager, usable at once.
 *
 * @throws what starting a process throws; ERR_MULTIPROC_ARG_TYPE, ERR_MULTIPROC_ARG_VALUE, ERR_MULTIPROC_UNKNOWN_OPTION.
 * @remarks Python: `multiprocessing.Manager()`.
 * @example
 * const manager = Manager()
 * const scores = manager.dict<string, number>()
 * scores.set('ada', 1)
 * console.log(await scores.get('ada')) // => 1
 * await manager.shutdown()
 */
export function Manager(options?: ManagerOptions): SyncManager {
  return new SyncManager(options).start()
}

/**
 * A manager of containers, queues and locks, for all processes that have proxies of them; types of your own can be registered
 * on top. `Manager()` starts one.
 *
 * @remarks Python: `multiprocessing.managers.SyncManager`.
 */
export class SyncManager extends BaseManager {
  /** @internal */
  protected static override readonly types: readonly string[] = [
    'dict', 'list', 'set', 'namespace', 'value', 'array', 'queue', 'joinableQueue', 'lock', 'rlock', 'semaphore', 'boundedSemaphore', 'event', 'condition', 'barrier', 'pool',
  ]

  /** A Map in the server, with the given entries. Python: `manager.dict()`. */
  dict<K = unknown, V = unknown>(init?: Iterable<readonly [K, V]>): DictProxy<K, V>
  dict<K extends string, V>(init: Readonly<Record<K, V>>): DictProxy<K, V>
  dict(init: unknown = []): DictProxy<any, any> {
    if (typeof init !== 'object' || init === null) throw argumentType('manager.dict(): init', 'a Map, an iterable of [key, value] or a plain object', init)
    const entries = isIterable(init) ? [...init] : Object.entries(init)
    for (const entry of entries) if (!Array.isArray(entry)) throw argumentType('manager.dict(): init', 'an iterable of [key, value] arrays', entry)
    return this.create('dict', [new Map(entries as [unknown, unknown][])]) as DictProxy<any, any>
  }

  /** An array in the server, with the given items. Python: `manager.list()`. */
  list<T = unknown>(init: Iterable<T> = []): ListProxy<T> {
    return this.create('list', [itemsOf('manager.list(): init', init)]) as ListProxy<T>
  }

  /** A Set in the server, with the given values. */
  set<T = unknown>(init: Iterable<T> = []): SetProxy<T> {
    return this.create('set', [new Set(itemsOf('manager.set(): init', init))]) as SetProxy<T>
  }

  /** An object in the server, with the given fields: `space.x = 1`, `await space.x`. Python: `manager.Namespace()`. */
  namespace<T extends object = Record<string, any>>(init: Partial<T> = {}): NamespaceProxy<T> {
    if (typeof init !== 'object' || init === null) throw argumentType('manager.namespace(): init', 'a plain object', init)
    return this.create('namespace', [{ ...init }]) as NamespaceProxy<T>
  }

  /** One value in the server. Python: `manager.Value(typecode, value)`. */
  value<T = unknown>(value: T): ValueProxy<T> {
    return this.create('value', [value]) as ValueProxy<T>
  }

  /** Numbers of one type in the server: so many zeros, or the given ones. Python: `manager.Array(typecode, sequence)`. */
  array<N extends TypeName | Typecode>(type: N, init: number | Iterable<ValueOf<N>>): ArrayProxy<N> {
    if (typeof init !== 'number' && !isIterable(init)) throw argumentType('manager.array(): init', 'a length, or an iterable of numbers', init)
    return this.create('array', [type, typeof init === 'number' ? init : [...init]]) as ArrayProxy<N>
  }

  /** A queue in the server; `maxSize` 0 or none: no limit. Python: `manager.Queue()`. */
  queue<T = unknown>(maxSize = 0): QueueProxy<T> {
    return this.create('queue', [maxSize]) as QueueProxy<T>
  }

  /** Python: `manager.JoinableQueue()`. */
  joinableQueue<T = unknown>(maxSize = 0): JoinableQueueProxy<T> {
    return this.create('joinableQueue', [maxSize]) as JoinableQueueProxy<T>
  }

  /** A lock in the server. Python: `manager.Lock()`. */
  lock(): LockProxy {
    return this.create('lock', []) as LockProxy
  }

  /** Python: `manager.RLock()`. */
  rlock(): RLockProxy {
    return this.create('rlock', []) as RLockProxy
  }

  /** Python: `manager.Semaphore()`. */
  semaphore(value = 1): SemaphoreProxy {
    return this.create('semaphore', [value]) as SemaphoreProxy
  }

  /** Python: `manager.BoundedSemaphore()`. */
  boundedSemaphore(value = 1): SemaphoreProxy {
    return this.create('boundedSemaphore', [value]) as SemaphoreProxy
  }

  /** Python: `manager.Event()`. */
  event(): EventProxy {
    return this.create('event', []) as EventProxy
  }

  /** With a lock of its own. Python: `manager.Condition()`. */
  condition(): ConditionProxy {
    return this.create('condition', []) as ConditionProxy
  }

  /** Python: `manager.Barrier()`. */
  barrier(parties: number, options?: ManagedBarrierOptions): BarrierProxy {
    return this.create('barrier', options === undefined ? [parties] : [parties, options]) as BarrierProxy
  }

  /** Worker processes, children of the server. Python: `manager.Pool()`. */
  pool(options?: number | PoolOptions): PoolProxy {
    return this.create('pool', options === undefined ? [] : [options]) as PoolProxy
  }

  static {
    makeLibraryClass(this)
  }
}

function itemsOf(name: string, init: unknown): unknown[] {
  if (!isIterable(init) || typeof init === 'string') throw argumentType(name, 'an iterable, such as an array', init)
  return [...init]
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof (value as Iterable<unknown> | null | undefined)?.[Symbol.iterator] === 'function'
}
