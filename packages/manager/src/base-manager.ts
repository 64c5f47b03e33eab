import { AbortError, argumentType, argumentValue, Channel, checkOptions, checkWaitOptions, currentThread, move, MultiprocError, TimeoutError } from '@multiproc/core'
import type { WaitOptions } from '@multiproc/core'
import { internals, Process } from '@multiproc/process'
import { Queue } from '@multiproc/queue'
import { makeServer } from './child/in-process.ts'
import type { ManagerServer } from './child/in-process.ts'
import type { ListenSettings } from './child/remote-clients.ts'
import { serverMain } from './child/server-main.ts'
import type { Welcome } from './child/server.ts'
import { FamilyLink } from './family-link.ts'
import type { ServerAddress } from './family-link.ts'
import type { Link } from './link.ts'
import type { Hello } from './protocol.ts'
import { create as createObject } from './proxy.ts'
import { Referent } from './referent.ts'
import { addDefinition, definitionsOf, makeLibraryClass } from './registrations.ts'
import type { RegisterOptions } from './registrations.ts'
import { RemoteLink } from './remote-link.ts'
import { checkSocket, SOCKET_OPTIONS } from './socket/options.ts'
import type { SocketOptions, SocketSettings } from './socket/options.ts'
import { makeProxy } from './types/catalog.ts'
import './travel.ts'
import type { ArgumentsOf, MadeBy, Make, ObjectProxy } from './types/registered-types.ts'

export interface ManagerOptions extends SocketOptions {
  /** For messages, and what `ps` shows. Default: the class's name and a number. */
  readonly name?: string | undefined
  /** Milliseconds that `shutdown()` gives the server to do what it was asked before, then it is terminated. Default 1000. */
  readonly shutdownTimeout?: number | undefined
  /**
   * Whether the server runs functions, and makes instances of classes, that clients at its address send. Whoever knows the key
   * can then run anything there. Default false. Processes of the same program always may.
   */
  readonly allowFunctions?: boolean | undefined
  /** Bytes that one request of a client at the address may have. Default 64 MiB; a longer one ends its connection. */
  readonly maxRequestBytes?: number | undefined
  /** Milliseconds without a request after which a connection at the address is ended. Default 0: never. */
  readonly idleTimeout?: number | undefined
}

let count = 0

/**
 * A server process for objects of your own classes. Register them with a class, then start it.
 *
 * Calls are requests that are sent at once; an unawaited call reaches the server even if its process ends right after it.
 * Calls of one thread are done in their order, whatever the proxy. What is passed and returned is a copy, but proxies, queues
 * and other handles stay connected, at any depth. A call that fails and that nobody awaits rejects the next awaited call of
 * the same proxy, or is an unhandled rejection when the event loop drains.
 *
 * @remarks The server is a daemon: it ends with the process that started it, at the latest. An object goes when no process
 * has a proxy of it any more; objects that refer to each other in a circle stay until the server ends. Only pending calls keep
 * an event loop alive. Ctrl-C does not end the server. Python: `multiprocessing.managers.BaseManager`.
 *
 * @example
 * class Counter { #n = 0; add(by: number) { return (this.#n += by) } get total() { return this.#n } }
 * class MyManager extends BaseManager.register('counter', Counter) {}
 * const manager = new MyManager().start()
 * const counter = manager.counter()
 * await counter.add(2) // => 2
 * await counter.total // => 2
 */
export class BaseManager {
  readonly #name: string
  readonly #settings: Settings
  #process: Process | undefined
  #address: ServerAddress | undefined
  #link: Link | undefined

  constructor(options?: ManagerOptions) {
    const call = `new ${new.target.name}()`
    this.#settings = checkSettings(call, options)
    this.#name = this.#settings.name ?? `${new.target.name}-${++count}`
  }

  /** @internal Types that clients at the address may make, beside those that are registered. */
  protected static readonly types: readonly string[] = []

  /** `new this(options).connect()`. Python: `manager.connect()`. */
  static connect<M extends BaseManager>(this: new (options?: ManagerOptions) => M, options: ManagerOptions & WaitOptions): Promise<M> {
    const { timeout, signal, ...rest } = options
    return new this(rest).connect({ timeout, signal })
  }

  /**
   * Gives the managers of this class a method `name` that makes an object in the server and returns its proxy.
   *
   * @param make - a class, or a function that makes the object (or finds it: one that exists is shared). Its arguments are
   * those of the method. Leave it out in a program that only connects to a server which has it.
   * @param options.exposed - the names that clients may reach. Default: the public methods and getters; never `_private` ones.
   * @param options.returns - methods whose result becomes an object of that type: the caller gets a proxy of it.
   * @returns this class, with the method in its type. Of a class of this library a subclass: those stay as they are for all
   * other users.
   * @throws ERR_MULTIPROC_ARG_TYPE, ERR_MULTIPROC_ARG_VALUE, ERR_MULTIPROC_UNKNOWN_OPTION.
   * @remarks A subclass has what its base classes had when it starts a server. Python: `BaseManager.register`.
   * @example class QueueManager extends BaseManager.register('jobs', () => jobs) {}
   * @example MyManager.register('node', Node, { returns: { child: 'node' } })
   */
  static register<M extends typeof BaseManager, N extends string, C extends Make | undefined = undefined, const E extends string = string, const R extends Readonly<Record<string, string>> = Readonly<Record<never, string>>>(
    this: M,
    name: N,
    make?: C,
    options?: RegisterOptions<E, R>,
  ): M & (new (...args: any[]) => Record<N, (...args: ArgumentsOf<C>) => ObjectProxy<MadeBy<C>, E, keyof R>>) {
    const own = addDefinition(this, name, make, options)
    for (const Class of own) {
      if (Object.hasOwn(Class.prototype, name)) continue
      Object.defineProperty(Class.prototype, name, {
        value(this: BaseManager, ...args: unknown[]): object {
          return this.create(name, args)
        },
        writable: true, configurable: true,
      })
    }
    return own.at(-1) as never
  }

  /**
   * Starts the server, and returns at once; the manager is usable from then on.
   *
   * @param initializer - runs in the server before anything else, with `initArgs`.
   * @throws ERR_MULTIPROC_ALREADY_STARTED; ERR_MULTIPROC_NOT_SENDABLE and its like, by path; what starting a process throws.
   * @remarks If the initializer throws, `ready()` and all calls reject with that. Python: `BaseManager.start`.
   */
  start<A extends unknown[]>(initializer?: (...args: A) => unknown, initArgs?: A): this {
    const call = 'manager.start()'
    if (this.#link !== undefined) throw new MultiprocError('ERR_MULTIPROC_ALREADY_STARTED', `${call} failed: ${this.#name} was started before. Make a new manager.`)
    if (initializer !== undefined && typeof initializer !== 'function') throw argumentType(`${call}: initializer`, 'a function', initializer)
    if (initArgs !== undefined && !Array.isArray(initArgs)) throw argumentType(`${call}: initArgs`, 'an array', initArgs)
    const name = this.#name
    const inbox = new Queue<Hello>()
    // Nothing is ever sent: the smallest there is.
    const [life, serverLife] = Channel.pair({ duplex: false, capacity: 1024, noun: 'life' })
    const key = `${currentThread().id}:${++count}`
    const server = new Process({
      target: serverMain,
      args: [{ key, inbox, life }, move(serverLife), { name, types: definitionsOf(this.constructor), initializer, initArgs, listen: this.#listenSettings() }],
      name,
      daemon: true,
      method: 'spawn',
      [internals]: { mayHaveChildren: true, ignoreSigint: true, title: name },
    })
    try {
      server.start()
    } catch (error) {
      for (const handle of [inbox, life, serverLife]) handle.close()
      throw error
    }
    this.#process = server
    this.#address = { key, inbox, life, pid: server.pid as number }
    const link = FamilyLink.to(this.#address)
    link.owns(server)
    this.#link = link
    return this
  }

  /**
   * Makes this manager a client of a server at `address`, on this machine or another one: unix socket, TCP or TLS.
   *
   * @returns this, once both sides have proved that they know the key.
   * @throws AuthenticationError; TimeoutError after `timeout` (10 s at most); AbortError; ServerLostError if it cannot be reached;
   * ERR_MULTIPROC_ALREADY_STARTED; ERR_MULTIPROC_ARG_TYPE without an address.
   * @remarks A program that connects registers its types by name alone. Proxies have no blocking forms then. Handles, functions
   * and instances of classes do not go there (see `allowFunctions`). A lost connection is not made again: all its calls reject
   * with ServerLostError. Python: `BaseManager.connect`.
   * @example const manager = await QueueManager.connect({ address: { host, port: 5000 }, authKey: 'abc' })
   */
  async connect(options?: WaitOptions): Promise<this> {
    const call = 'manager.connect()'
    const { timeout, signal } = checkWaitOptions(call, options)
    if (this.#link !== undefined) throw new MultiprocError('ERR_MULTIPROC_ALREADY_STARTED', `${call} failed: ${this.#name} was started or connected before. Make a new manager.`)
    const { socket } = this.#settings
    if (socket === undefined) throw argumentType(`${call}: options.address`, 'given to the constructor', undefined)
    if (signal?.aborted) throw new AbortError(`${call} was aborted.`, { cause: signal.reason })
    const link = RemoteLink.to(socket)
    const ends: (() => void)[] = []
    const gaveUp = new Promise<never>((_, reject) => {
      const giveUp = (error: Error) => () => {
        if (!link.isMet) link.abandon.abort()
        reject(error)
      }
      if (timeout !== undefined) {
        const timer = setTimeout(giveUp(new TimeoutError(`${call} failed: the server (${link.where}) has not answered within ${timeout} ms. Wait longer.`, { details: { timeout } })), timeout)
        ends.push(() => clearTimeout(timer))
      }
      const onAbort = (): void => giveUp(new AbortError(`${call} was aborted while it waited.`, { cause: signal?.reason }))()
      signal?.addEventListener('abort', onAbort)
      ends.push(() => signal?.removeEventListener('abort', onAbort))
    })
    try {
      const connected = link.connected(call)
      connected.catch(() => {})
      await Promise.race([connected, gaveUp])
    } finally {
      for (const end of ends) end()
    }
    this.#link = link
    return this
  }

  /**
   * A server in this very process, for `address`. Python: `BaseManager.get_server`.
   *
   * @returns `serveForever()` listens, and resolves once `signal` is aborted and what was called before is done; it throws what
   * listening throws. `address` is where it listens: that with the port that it got, once it does.
   * @example await new QueueManager({ address: { port: 5000 }, authKey: 'abc' }).getServer().serveForever()
   */
  getServer(): ManagerServer {
    const call = 'manager.getServer()'
    if (this.#link !== undefined) throw new MultiprocError('ERR_MULTIPROC_ALREADY_STARTED', `${call} failed: ${this.#name} was started or connected before. Make a new manager.`)
    const settings = this.#listenSettings()
    if (settings === undefined) throw argumentType(`${call}: options.address`, 'given to the constructor', undefined)
    return makeServer(this.#name, definitionsOf(this.constructor), settings)
  }

  /**
   * Where the server listens, with the port that it got; undefined if it does not. Waits, blocking, until a server that was
   * started just now can say. Python: `manager.address`.
   */
  get address(): SocketSettings['address'] | undefined {
    const { socket } = this.#settings
    if (socket === undefined || this.#address === undefined) return socket?.address
    const link = this.#started('manager.address')
    link.readySync('manager.address')
    return (link.said as Welcome).address
  }

  /** The server's process id. @throws ERR_MULTIPROC_NOT_STARTED. */
  get pid(): number {
    const link = this.#started('manager.pid')
    return this.#address?.pid ?? (link.said as Welcome).pid
  }

  /** Resolves when the server has answered. @throws what its initializer threw; ServerLostError; ERR_MULTIPROC_NOT_STARTED. */
  async ready(): Promise<this> {
    await this.#started('manager.ready()').ready('manager.ready()')
    return this
  }

  /**
   * Ends the server, and its objects with it, when it has done what it was asked before: calls that wait for something else end
   * with it. Calls from then on reject with ServerLostError. Any number of times. Python: `BaseManager.shutdown`.
   */
  async shutdown(): Promise<void> {
    const server = this.#process
    if (server === undefined) return
    if (server.isAlive()) {
      const { inbox } = this.#address!
      if (!inbox.closed) inbox.shutdown()
      if (!(await server.join({ timeout: this.#settings.shutdownTimeout }))) {
        server.terminate()
        if (!(await server.join({ timeout: this.#settings.shutdownTimeout }))) server.kill()
      }
    }
    await server.join()
  }

  /** Waits until the server has ended. @returns false after `timeout`. @throws AbortError. Python: `BaseManager.join`. */
  async join(options?: WaitOptions): Promise<boolean> {
    this.#started('manager.join()')
    return (await this.#process?.join(options)) ?? true
  }

  /** Leaving an `await using` block: `shutdown()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown()
  }

  /** @internal A new object in the server; its proxy. */
  protected create(type: string, args: readonly unknown[]): object {
    const link = this.#started(`manager.${type}()`)
    const proxy = makeProxy(type, link, link instanceof RemoteLink ? link.newReference() : Referent.create())
    createObject(proxy, args)
    return proxy
  }

  #listenSettings(): ListenSettings | undefined {
    const { socket, allowFunctions, maxRequestBytes, idleTimeout } = this.#settings
    if (socket === undefined) return undefined
    const { types } = this.constructor as typeof BaseManager
    const allowed = new Set([...types.filter((type) => allowFunctions || type !== 'pool'), ...Object.keys(definitionsOf(this.constructor))])
    return { ...socket, allowFunctions, maxRequestBytes, idleTimeout, types: allowed }
  }

  #started(call: string): Link {
    if (this.#link === undefined) throw new MultiprocError('ERR_MULTIPROC_NOT_STARTED', `${call} failed: ${this.#name} was not started. Call start() first.`)
    return this.#link
  }

  static {
    Object.defineProperty(this.prototype, Symbol.for('multiproc.unsendable'), {
      value: 'A manager belongs to the process that made it. Send the proxies of its objects.',
    })
    makeLibraryClass(this)
  }
}

interface Settings {
  readonly name: string | undefined
  readonly shutdownTimeout: number
  readonly socket: SocketSettings | undefined
  readonly allowFunctions: boolean
  readonly maxRequestBytes: number
  readonly idleTimeout: number
}

function checkSettings(call: string, options: ManagerOptions = {}): Settings {
  checkOptions(call, options, ['name', 'shutdownTimeout', 'allowFunctions', 'maxRequestBytes', 'idleTimeout', ...SOCKET_OPTIONS])
  const { name, shutdownTimeout = 1000, allowFunctions = false, maxRequestBytes = 64 * 1024 * 1024, idleTimeout = 0 } = options
  if (name !== undefined && typeof name !== 'string') throw argumentType(`${call}: options.name`, 'a string', name)
  if (typeof allowFunctions !== 'boolean') throw argumentType(`${call}: options.allowFunctions`, 'true or false', allowFunctions)
  for (const [key, value] of Object.entries({ shutdownTimeout, maxRequestBytes, idleTimeout })) {
    if (typeof value !== 'number') throw argumentType(`${call}: options.${key}`, 'a number', value)
    if (!(value >= 0)) throw argumentValue(`${call}: options.${key}`, '0 or more', value)
  }
  return { name, shutdownTimeout, allowFunctions, maxRequestBytes, idleTimeout, socket: checkSocket(call, options) }
}
