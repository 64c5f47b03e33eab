import { checkWaitOptions } from '@multiproc/core'
import type { WaitOptions } from '@multiproc/core'
import { call } from '../proxy.ts'

/** Of methods that wait, by name: which argument their options are, and what the caller gets for what the server said. */
export type ResultsOfWaits = Readonly<Record<string, { readonly at: number; result(said: any, options: WaitOptions | undefined): unknown }>>

/** A call that waits in the server: the time goes there, with `more`; an abort ends it there. */
export function callWaiting<R>(proxy: object, name: string, method: string, args: readonly unknown[], options: WaitOptions | undefined, more: object = {}): Promise<R> {
  let wait: WaitOptions
  try {
    wait = checkWaitOptions(name, options)
  } catch (error) {
    return Promise.reject(error as Error)
  }
  return call(proxy, method, [...args, { timeout: wait.timeout, ...more }], wait.signal)
}

/** Runs `fn`, then gives back what is held, also when it throws. */
export async function runHolding<R>(guard: ManagedGuard, fn: () => R | PromiseLike<R>): Promise<R> {
  try {
    return await fn()
  } finally {
    await guard.release()
  }
}

/** What is held until it is released: `await using guard = await lock.hold()`. */
export class ManagedGuard implements AsyncDisposable {
  /** True if the last holder died while holding it: what it protects may be half done. */
  readonly abandoned: boolean
  #release: (() => Promise<void>) | undefined

  constructor(abandoned: boolean, release: () => Promise<void>) {
    this.abandoned = abandoned
    this.#release = release
  }

  /** A second call does nothing. */
  async release(): Promise<void> {
    const release = this.#release
    this.#release = undefined
    await release?.()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release()
  }
}
