import { argumentType, argumentValue, Channel, checkOptions, currentThread, move } from '@multiproc/core'
import type { WaitOptions } from '@multiproc/core'
import { internals, Process } from '@multiproc/process'
import { Queue } from '@multiproc/queue'
import { serverMain } from './child/server-main.ts'
import { Link } from './link.ts'
import type { ServerAddress } from './link.ts'
import type { Request, TypeName } from './protocol.ts'
import { create } from './proxy.ts'
import { Referent } from './referent.ts'
import { makeProxy } from './types/catalog.ts'
import type { DictProxy } from './types/dict.ts'
import type { ListProxy } from './types/list.ts'
import type { NamespaceProxy } from './types/namespace.ts'
import type { SetProxy } from './types/set.ts'
import type { ValueProxy } from './types/value.ts'

export interface ManagerOptions {
  /** For messages, and what `ps` shows. Default `SyncManager-N`. */
  readonly name?: string | undefined
  /** Milliseconds that `shutdown()` gives the server to do what it was asked before, then it is terminated. Default 1000. */
  readonly shutdownTimeout?: number | undefined
}

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
  return new SyncManager(options)
}

let count = 0

/**
 * A server process that holds objects, for all processes that have proxies of them.
 *
 * Calls are requests that are sent at once; an unawaited call reaches the server even if its process ends right after it.
 * Calls of one thread are done in their order, whatever the proxy. What is passed and returned is a copy, but proxies, queues
 * and other handles stay connected, at any depth. A call that fails and that nobody awaits rejects the next awaited call of
 * the same proxy, or is an unhandled rejection when the event loop drains.
 *
 * @remarks The server is a daemon: it ends with the process that started it, at the latest. An object goes when no process
 * has a proxy of it any more; objects that refer to each other in a circle stay until the server ends. Only pending calls keep
 * an event loop alive. Ctrl-C does not end the server. Python: `multiprocessing.managers.SyncManager`.
 */
export class SyncManager {
  readonly #process: Process
  readonly #link: Link
  readonly #address: ServerAddress
  readonly #shutdownTimeout: number

  constructor(options?: ManagerOptions) {
    const { name, shutdownTimeout } = checkSettings(options)
    const inbox = new Queue<Request>()
    // Nothing is ever sent: the smallest there is.
    const [life, serverLife] = Channel.pair({ duplex: false, capacity: 1024, noun: 'life' })
    const key = `${currentThread().id}:${++count}`
    this.#shutdownTimeout = shutdownTimeout
    this.#process = new Process({
      target: serverMain,
      args: [{ key, inbox, life }, move(serverLife), name ?? `SyncManager-${count}`],
      name: name ?? `SyncManager-${count}`,
      daemon: true,
      [internals]: { mayHaveChildren: true, ignoreSigint: true, title: name ?? `SyncManager-${count}` },
    })
    try {
      this.#process.start()
    } catch (error) {
      for (const handle of [inbox, life, serverLife]) handle.close()
      throw error
    }
    this.#address = { key, inbox, life, pid: this.#process.pid as number }
    this.#link = Link.to(this.#address)
    this.#link.owns(this.#process)
  }

  /** The server's process id. */
  get pid(): number {
    return this.#address.pid
  }

  /** Resolves when the server has answered. @throws ServerLostError if it could not start. */
  async ready(): Promise<this> {
    await this.#link.ready('manager.ready()')
    return this
  }

  /** A Map in the server, with the given entries. Python: `manager.dict()`. */
  dict<K = unknown, V = unknown>(init?: Iterable<readonly [K, V]>): DictProxy<K, V>
  dict<K extends string, V>(init: Readonly<Record<K, V>>): DictProxy<K, V>
  dict(init: unknown = []): DictProxy<any, any> {
    if (typeof init !== 'object' || init === null) throw argumentType('manager.dict(): init', 'a Map, an iterable of [key, value] or a plain object', init)
    const entries = isIterable(init) ? [...init] : Object.entries(init)
    for (const entry of entries) if (!Array.isArray(entry)) throw argumentType('manager.dict(): init', 'an iterable of [key, value] arrays', entry)
    return this.#create('dict', new Map(entries as [unknown, unknown][])) as DictProxy<any, any>
  }

  /** An array in the server, with the given items. Python: `manager.list()`. */
  list<T = unknown>(init: Iterable<T> = []): ListProxy<T> {
    return this.#create('list', itemsOf('manager.list(): init', init)) as ListProxy<T>
  }

  /** A Set in the server, with the given values. */
  set<T = unknown>(init: Iterable<T> = []): SetProxy<T> {
    return this.#create('set', new Set(itemsOf('manager.set(): init', init))) as SetProxy<T>
  }

  /** An object in the server, with the given fields: `space.x = 1`, `await space.x`. Python: `manager.Namespace()`. */
  namespace<T extends object = Record<string, any>>(init: Partial<T> = {}): NamespaceProxy<T> {
    if (typeof init !== 'object' || init === null) throw argumentType('manager.namespace(): init', 'a plain object', init)
    return this.#create('namespace', { ...init }) as NamespaceProxy<T>
  }

  /** One value in the server. Python: `manager.Value(typecode, value)`. */
  value<T = unknown>(value: T): ValueProxy<T> {
    return this.#create('value', value) as ValueProxy<T>
  }

  /**
   * Ends the server, and its objects with it, when it has done what it was asked before. Calls from then on reject with
   * ServerLostError. Any number of times. Python: `BaseManager.shutdown`.
   */
  async shutdown(): Promise<void> {
    if (this.#process.isAlive()) {
      if (!this.#address.inbox.closed) this.#address.inbox.shutdown()
      if (!(await this.#process.join({ timeout: this.#shutdownTimeout }))) {
        this.#process.terminate()
        if (!(await this.#process.join({ timeout: this.#shutdownTimeout }))) this.#process.kill()
      }
    }
    await this.#process.join()
  }

  /** Waits until the server has ended. @returns false after `timeout`. @throws AbortError. Python: `BaseManager.join`. */
  join(options?: WaitOptions): Promise<boolean> {
    return this.#process.join(options)
  }

  /** Leaving an `await using` block: `shutdown()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown()
  }

  #create(type: TypeName, init: unknown): object {
    const referent = Referent.create()
    const proxy = makeProxy(type, this.#link, referent)
    create(proxy, init)
    return proxy
  }
}

Object.defineProperty(SyncManager.prototype, Symbol.for('multiproc.unsendable'), {
  value: 'A manager belongs to the process that made it. Send the proxies of its objects.',
})

function checkSettings(options: ManagerOptions | undefined): { name: string | undefined; shutdownTimeout: number } {
  const call = 'Manager()'
  checkOptions(call, options, ['name', 'shutdownTimeout'])
  const { name, shutdownTimeout = 1000 } = options ?? {}
  if (name !== undefined && typeof name !== 'string') throw argumentType(`${call}: options.name`, 'a string', name)
  if (typeof shutdownTimeout !== 'number') throw argumentType(`${call}: options.shutdownTimeout`, 'a number of milliseconds', shutdownTimeout)
  if (!(shutdownTimeout >= 0)) throw argumentValue(`${call}: options.shutdownTimeout`, '0 or more milliseconds', shutdownTimeout)
  return { name, shutdownTimeout }
}

function itemsOf(name: string, init: unknown): unknown[] {
  if (!isIterable(init) || typeof init === 'string') throw argumentType(name, 'an iterable, such as an array', init)
  return [...init]
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof (value as Iterable<unknown> | null | undefined)?.[Symbol.iterator] === 'function'
}
