import { argumentType, argumentValue } from '@multiproc/core'
import type { WaitOptions } from '@multiproc/core'
import { call, ManagedProxy } from '../proxy.ts'
import { notFree } from './lock.ts'
import { builtin } from './managed-type.ts'
import type { CallContext } from './managed-type.ts'
import { callWaiting, ManagedGuard, runHolding } from './wait-arguments.ts'
import type { ResultsOfWaits } from './wait-arguments.ts'
import { WaitingLine } from './waiting-line.ts'

const MOST = 2 ** 31 - 1

class SemaphoreState {
  value: number
  readonly limit: number
  readonly line = new WaitingLine()
  /** Permits that go back when their client dies. */
  readonly #owned = new Map<object, number>()

  constructor(value: unknown, isBounded: boolean) {
    if (typeof value !== 'number') throw argumentType('manager.semaphore(): value', 'a number of permits', value)
    if (!Number.isInteger(value) || value < 0 || value > MOST) throw argumentValue('manager.semaphore(): value', `an integer from 0 to ${MOST}`, value)
    this.value = value
    this.limit = isBounded ? value : MOST
  }

  acquire(context: CallContext, { timeout, owned = false }: { timeout?: number; owned?: boolean } = {}): unknown {
    return this.line.wait('semaphore.acquire()', context, timeout, () => {
      if (this.value === 0) return undefined
      this.value--
      if (owned) this.#own(context.client, 1)
      return true
    })
  }

  release({ client }: CallContext, owned = false): void {
    if (this.value >= this.limit) throw argumentValue('semaphore.release(): permits', `at most ${this.limit}: release only what was acquired`, this.value + 1)
    // What its death gave back is not given back again.
    if (owned && !this.#owned.has(client)) return
    if (owned) this.#own(client, -1)
    this.value++
    this.line.serve()
  }

  clientGone(client: object): void {
    this.value += this.#owned.get(client) ?? 0
    this.#owned.delete(client)
    this.line.serve()
  }

  #own(client: object, change: number): void {
    const owned = (this.#owned.get(client) ?? 0) + change
    if (owned === 0) this.#owned.delete(client)
    else this.#owned.set(client, owned)
  }
}

const semaphoreType = (isBounded: boolean) =>
  builtin<SemaphoreState>({
    create: (value = 1) => new SemaphoreState(value, isBounded),
    show: ({ value }) => ({ contents: { value } }),
    exposed: { getValue: ({ value }) => value },
    waiting: {
      acquire: (semaphore, context, options) => semaphore.acquire(context, options),
      release: (semaphore, context, owned) => semaphore.release(context, owned),
    },
    clientGone: (semaphore, client) => semaphore.clientGone(client),
  })

export const semaphore = semaphoreType(false)
export const boundedSemaphore = semaphoreType(true)

/**
 * A semaphore in a manager's server. Permits taken by `hold`, `runExclusive` or with `owned` go back when their client dies,
 * others do not. Python: `manager.Semaphore()`, `manager.BoundedSemaphore()`.
 */
export class SemaphoreProxy extends ManagedProxy {
  static readonly waits: ResultsOfWaits = { acquire: { at: 0, result: (taken) => taken === true } }

  /** @returns true; false after `timeout`. Aborting takes nothing. @throws AbortError, ServerLostError. */
  async acquire(options?: WaitOptions & { owned?: boolean | undefined }): Promise<boolean> {
    const { owned = false, ...wait } = options ?? {}
    return (await callWaiting<true | undefined>(this, 'semaphore.acquire()', 'acquire', [], wait, { owned })) === true
  }

  async tryAcquire(): Promise<boolean> {
    return this.acquire({ timeout: 0 })
  }

  /** Anybody may. @throws ERR_MULTIPROC_ARG_VALUE beyond the value that a bounded semaphore began with. */
  release(): Promise<void> {
    return call(this, 'release', [])
  }

  getValue(): Promise<number> {
    return call(this, 'getValue', [])
  }

  /** A permit as a resource, owned: `await using permit = await semaphore.hold()`. @throws TimeoutError after `timeout`. */
  async hold(options?: WaitOptions): Promise<ManagedGuard> {
    if (!(await this.acquire({ ...options, owned: true }))) throw notFree('semaphore.hold()', options)
    return new ManagedGuard(false, () => call(this, 'release', [true]))
  }

  /** Runs `fn` here, with an owned permit. */
  async runExclusive<R>(fn: () => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    if (typeof fn !== 'function') throw argumentType('semaphore.runExclusive(): fn', 'a function', fn)
    return runHolding(await this.hold(options), fn)
  }
}
