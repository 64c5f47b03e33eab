import type { ImapOptions, MapOptions, Pool, PoolOptions, TaskOptions } from '@multiproc/pool'
import type { WaitOptions } from '@multiproc/core'
import { call, ManagedProxy } from '../proxy.ts'
import { builtin } from './managed-type.ts'
import type { IteratorProxy } from './registered.ts'
import { callWaiting } from './wait-arguments.ts'
import type { ResultsOfWaits } from './wait-arguments.ts'

type Args = unknown[] | []

export const pool = builtin<Pool>({
  // Loaded by servers that have one only.
  create: async (options?: number | PoolOptions) => new (await import('@multiproc/pool')).Pool(options),
  show: () => ({ contents: {} }),
  exposed: {
    close: (pool) => pool.close(),
    terminate: (pool) => pool.terminate(),
    imap: (pool, fn, items, options) => pool.imap(fn, items, options),
    imapUnordered: (pool, fn, items, options) => pool.imapUnordered(fn, items, options),
  },
  waiting: {
    apply: (pool, { signal }, fn, args, options) => pool.apply(fn, args, { ...options, signal }),
    map: (pool, { signal }, fn, items, options) => pool.map(fn, items, { ...options, signal }),
    starmap: (pool, { signal }, fn, items, options) => pool.starmap(fn, items, { ...options, signal }),
    join: (pool, { signal }, options) => pool.join({ ...options, signal }),
  },
  returns: { imap: 'iterator', imapUnordered: 'iterator' },
  dispose: (pool) => pool.terminate(),
})

/**
 * Worker processes of a manager's server, for several processes to use. Tasks of a client that dies are cancelled.
 * Python: `manager.Pool()`.
 */
export class PoolProxy extends ManagedProxy implements AsyncDisposable {
  static readonly waits: ResultsOfWaits = { join: { at: 0, result: (ended) => ended } }

  /** Runs `fn(...args)` in a worker. As `pool.apply()`. */
  apply<A extends Args, R>(fn: (...args: A) => R, args?: A, options?: TaskOptions): Promise<Awaited<R>> {
    const { signal, ...rest } = options ?? {}
    return call(this, 'apply', [fn, args ?? [], rest], signal)
  }

  /** `fn(item)` for each item. As `pool.map()`. */
  map<T, R>(fn: (item: T) => R, items: Iterable<T>, options?: MapOptions): Promise<Awaited<R>[]> {
    const { signal, ...rest } = options ?? {}
    return call(this, 'map', [fn, [...items], rest], signal)
  }

  /** `fn(...item)` for each item. */
  starmap<A extends Args, R>(fn: (...args: A) => R, items: Iterable<A>, options?: MapOptions): Promise<Awaited<R>[]> {
    const { signal, ...rest } = options ?? {}
    return call(this, 'starmap', [fn, [...items], rest], signal)
  }

  /** The results one by one, in the order of the items. */
  async *imap<T, R>(fn: (item: T) => R, items: Iterable<T>, options?: ImapOptions): AsyncGenerator<Awaited<R>, void, void> {
    yield* await call<IteratorProxy<Awaited<R>, void>>(this, 'imap', [fn, [...items], options])
  }

  /** The results one by one, as they come. */
  async *imapUnordered<T, R>(fn: (item: T) => R, items: Iterable<T>, options?: ImapOptions): AsyncGenerator<Awaited<R>, void, void> {
    yield* await call<IteratorProxy<Awaited<R>, void>>(this, 'imapUnordered', [fn, [...items], options])
  }

  close(): Promise<void> {
    return call(this, 'close', [])
  }

  terminate(): Promise<void> {
    return call(this, 'terminate', [])
  }

  /** @returns false after `timeout`. */
  join(options?: WaitOptions): Promise<boolean> {
    return callWaiting(this, 'pool.join()', 'join', [], options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
    await this.join()
  }
}
