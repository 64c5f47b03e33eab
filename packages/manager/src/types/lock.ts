import { AsyncLocalStorage } from 'node:async_hooks'
import { argumentType, MultiprocError, TimeoutError } from '@multiproc/core'
import type { WaitOptions } from '@multiproc/core'
import { call, ManagedProxy, stateOf } from '../proxy.ts'
import { builtin } from './managed-type.ts'
import type { CallContext } from './managed-type.ts'
import { callWaiting, ManagedGuard, runHolding } from './wait-arguments.ts'
import type { ResultsOfWaits } from './wait-arguments.ts'
import { WaitingLine } from './waiting-line.ts'

interface AcquireOptions {
  readonly timeout?: number | undefined
  /** The caller is blocked meanwhile. */
  readonly blocking?: boolean
  /** Who, of a client: a task of its that holds a re-entrant lock. */
  readonly token?: string
}

/**
 * A lock in the server.
 *
 *   owner undefined   free; the first in line gets it at once
 *   owner a client    `depth` acquires to be released; its death frees the lock, and the next one finds it abandoned
 */
export class LockState {
  owner: object | undefined
  #token: string | undefined
  depth = 0
  abandoned = false
  #inherited = false
  readonly #noun: string
  readonly #reenters: boolean
  readonly line = new WaitingLine()

  constructor(noun: string, reenters: boolean) {
    this.#noun = noun
    this.#reenters = reenters
  }

  acquire(context: CallContext, { timeout, blocking, token }: AcquireOptions = {}): unknown {
    const { client } = context
    if (this.#isMine(client, token)) {
      if (this.#reenters) return (this.depth++, { abandoned: this.abandoned })
      if (blocking === true && timeout === undefined) {
        throw new MultiprocError('ERR_MULTIPROC_DEADLOCK', `${this.#noun}.acquire() failed: this thread holds the lock already, and would wait for itself. Release it first, or pass a timeout.`)
      }
    }
    return this.line.wait(`${this.#noun}.acquire()`, context, timeout, () => this.take(client, token))
  }

  take(client: object, token?: string): { abandoned: boolean } | undefined {
    if (this.owner !== undefined) return undefined
    this.owner = client
    this.#token = token
    this.depth = 1
    this.abandoned = this.#inherited
    this.#inherited = false
    return { abandoned: this.abandoned }
  }

  release({ client }: CallContext, token?: string): void {
    this.checkMine('release', client, token)
    if (--this.depth === 0) this.free()
  }

  free(): void {
    this.owner = undefined
    this.line.serve()
  }

  checkMine(method: string, client: object, token?: string): void {
    if (this.#isMine(client, token)) return
    const who = this.owner === undefined ? 'nobody' : this.owner === client ? 'another task of this thread' : 'another process or thread'
    throw new MultiprocError('ERR_MULTIPROC_NOT_OWNER', `${this.#noun}.${method}() failed: ${who} holds this lock. Release it where it was acquired.`)
  }

  clientGone(client: object): void {
    if (this.owner !== client) return
    this.#inherited = true
    this.free()
  }

  #isMine(client: object, token: string | undefined): boolean {
    return this.owner === client && this.#token === token
  }
}

export const exposedOfLock = {
  locked: (lock: LockState) => lock.owner !== undefined,
  abandoned: (lock: LockState) => lock.abandoned,
}

export const waitingOfLock = {
  acquire: (lock: LockState, context: CallContext, options?: AcquireOptions) => lock.acquire(context, options),
  release: (lock: LockState, context: CallContext, token?: string) => lock.release(context, token),
}

function lockType(noun: string, reenters: boolean) {
  return builtin<LockState>({
    create: () => new LockState(noun, reenters),
    show: ({ owner }) => ({ contents: { locked: owner !== undefined } }),
    exposed: exposedOfLock,
    waiting: waitingOfLock,
    clientGone: (lock, client) => lock.clientGone(client),
  })
}

export const lock = lockType('LockProxy', false)
export const rlock = lockType('RLockProxy', true)

interface Held {
  readonly abandoned: boolean
}

/**
 * A lock in a manager's server, held by a thread of a client. Its death frees the lock; the next holder finds `abandoned`.
 * Python: `manager.Lock()`; there anybody may release it, here only its holder (use a semaphore for hand-overs).
 */
export class LockProxy extends ManagedProxy {
  static readonly waits: ResultsOfWaits = { acquire: { at: 0, result: (held) => held !== undefined } }

  /** @returns true once this thread holds it; false after `timeout`. Aborting takes nothing. @throws AbortError, ServerLostError. */
  async acquire(options?: WaitOptions): Promise<boolean> {
    return (await callWaiting<Held | undefined>(this, 'lock.acquire()', 'acquire', [], options)) !== undefined
  }

  async tryAcquire(): Promise<boolean> {
    return this.acquire({ timeout: 0 })
  }

  /** @throws ERR_MULTIPROC_NOT_OWNER if this thread does not hold it. */
  release(): Promise<void> {
    return call(this, 'release', [])
  }

  locked(): Promise<boolean> {
    return call(this, 'locked', [])
  }

  /** Whether the holder before the one that holds it now died holding it. */
  get abandoned(): Promise<boolean> {
    return call(this, 'abandoned', [])
  }

  /** `acquire` as a resource: `await using guard = await lock.hold()`. @throws TimeoutError after `timeout`. */
  async hold(options?: WaitOptions): Promise<ManagedGuard> {
    const held = await callWaiting<Held | undefined>(this, 'lock.hold()', 'acquire', [], options)
    if (held === undefined) throw notFree('lock.hold()', options)
    return new ManagedGuard(held.abandoned, () => this.release())
  }

  /** Runs `fn` here, while holding the lock. */
  async runExclusive<R>(fn: (guard: ManagedGuard) => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    if (typeof fn !== 'function') throw argumentType('lock.runExclusive(): fn', 'a function', fn)
    const guard = await this.hold(options)
    return runHolding(guard, () => fn(guard))
  }
}

let tokens = 0
/** The re-entrant locks that the code around holds, by `runExclusive`. */
const holding = new AsyncLocalStorage<ReadonlyMap<object, string>>()

/**
 * A lock that its holder may acquire again: in blocking calls (`sync(lock)`) by its thread, inside `runExclusive` by the code
 * that this runs. Python: `manager.RLock()`.
 */
export class RLockProxy extends LockProxy {
  /** @throws TypeError: it could not tell one task of this thread from another. Use `hold` or `runExclusive`. */
  override acquire(_?: WaitOptions): Promise<boolean> {
    return Promise.reject(unsupported('acquire'))
  }

  /** @throws TypeError, as `acquire`. */
  override release(): Promise<void> {
    return Promise.reject(unsupported('release'))
  }

  override async hold(options?: WaitOptions): Promise<ManagedGuard> {
    return this.#hold('rlock.hold()', this.#task().token, options)
  }

  override async runExclusive<R>(fn: (guard: ManagedGuard) => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    const call = 'rlock.runExclusive()'
    if (typeof fn !== 'function') throw argumentType(`${call}: fn`, 'a function', fn)
    const { referent, held, token } = this.#task()
    const guard = await this.#hold(call, token, options)
    return runHolding(guard, () => holding.run(new Map([...held, [referent, token]]), () => fn(guard)))
  }

  /** Who asks: the code around, if that holds the lock, else a task of its own. */
  #task() {
    const { referent } = stateOf(this, 'rlock')
    const held: ReadonlyMap<object, string> = holding.getStore() ?? new Map()
    return { referent, held, token: held.get(referent) ?? `task ${++tokens}` }
  }

  async #hold(name: string, token: string, options: WaitOptions | undefined): Promise<ManagedGuard> {
    const held = await callWaiting<Held | undefined>(this, name, 'acquire', [], options, { token })
    if (held === undefined) throw notFree(name, options)
    return new ManagedGuard(held.abandoned, () => call(this, 'release', [token]))
  }
}

function unsupported(method: string): TypeError {
  return Object.assign(new TypeError(`rlock.${method}() cannot tell one task of this thread from another. Use hold() or runExclusive(), or sync(rlock).${method}().`), { code: 'ERR_MULTIPROC_UNSUPPORTED' })
}

export function notFree(name: string, options: WaitOptions | undefined): TimeoutError {
  return new TimeoutError(`${name} failed: it was not free within ${options?.timeout} ms. Wait longer, or catch TimeoutError.`, { details: { timeout: options?.timeout } })
}
