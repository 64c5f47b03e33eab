import { argumentType, argumentValue, checkWaitOptions, currentThread, deadlineAfter, remainingMs } from '@multiproc/core'
import type { WaitOptions } from '@multiproc/core'
import { call } from '../proxy.ts'
import { exposedOfLock, LockProxy, LockState, waitingOfLock } from './lock.ts'
import { builtin } from './managed-type.ts'
import type { CallContext } from './managed-type.ts'
import { callWaiting } from './wait-arguments.ts'
import type { ResultsOfWaits } from './wait-arguments.ts'
import { WaitingLine } from './waiting-line.ts'

const never = new AbortController().signal

class ConditionState extends LockState {
  /** Who waits, in the order they came, which is that of `#wakes`. */
  readonly #sleepers = new Set<{ isNotified: boolean }>()
  readonly #wakes = new WaitingLine()

  /** Gives the lock up, waits to be notified, and takes the lock again, whatever ended the wait. */
  async sleep(context: CallContext, { timeout }: { timeout?: number } = {}): Promise<boolean> {
    this.checkMine('wait', context.client)
    const sleeper = { isNotified: false }
    this.#sleepers.add(sleeper)
    const woken = Promise.resolve(this.#wakes.wait('condition.wait()', context, timeout, () => sleeper.isNotified || undefined)).then(
      () => undefined,
      (error: unknown) => ({ error }),
    )
    this.free()
    const aborted = await woken
    this.#sleepers.delete(sleeper)
    // Of a dead client: nobody goes on, so another one does.
    if (context.isGone) return this.#giveUp(sleeper.isNotified)
    await this.line.wait('condition.wait()', { signal: never }, undefined, () => (context.isGone ? { abandoned: false } : this.take(context.client)))
    if (context.isGone) return this.#giveUp(sleeper.isNotified)
    if (aborted !== undefined) throw aborted.error
    return sleeper.isNotified
  }

  notify({ client }: CallContext, count: unknown): void {
    if (typeof count !== 'number') throw argumentType('condition.notify(): n', 'a number', count)
    if (!(count >= 0)) throw argumentValue('condition.notify(): n', '0 or more', count)
    this.checkMine('notify', client)
    this.#wake(count)
  }

  override clientGone(client: object): void {
    super.clientGone(client)
    this.line.serve()
  }

  #wake(count: number): void {
    let left = count
    for (const sleeper of this.#sleepers) {
      if (left-- <= 0) break
      sleeper.isNotified = true
      this.#sleepers.delete(sleeper)
    }
    this.#wakes.serve()
  }

  #giveUp(wasNotified: boolean): false {
    if (wasNotified) this.#wake(1)
    return false
  }
}

export const condition = builtin<ConditionState>({
  create: () => new ConditionState('ConditionProxy', false),
  show: ({ owner }) => ({ contents: { locked: owner !== undefined } }),
  exposed: exposedOfLock,
  waiting: {
    ...waitingOfLock,
    wait: (condition, context, options) => condition.sleep(context, options),
    notify: (condition, context, count = 1) => condition.notify(context, count),
    notifyAll: (condition, context) => condition.notify(context, Infinity),
  },
  clientGone: (condition, client) => condition.clientGone(client),
})

/**
 * A lock in a manager's server whose holder can wait for others to notify it. A client that dies while it waits, or was
 * notified and not gone on yet, passes its turn on. Python: `manager.Condition()`.
 */
export class ConditionProxy extends LockProxy {
  static override readonly waits: ResultsOfWaits = { ...LockProxy.waits, wait: { at: 0, result: (woken) => woken === true } }

  /**
   * Gives the lock up, waits, and takes it again. @returns false after `timeout`.
   * @throws AbortError, holding the lock again; ERR_MULTIPROC_NOT_OWNER.
   */
  async wait(options?: WaitOptions): Promise<boolean> {
    return (await callWaiting<boolean>(this, 'condition.wait()', 'wait', [], options)) === true
  }

  /** Waits until `predicate`, which runs here with the lock held, is true. @returns its last result as a boolean. */
  async waitFor(predicate: () => unknown, options?: WaitOptions): Promise<boolean> {
    if (typeof predicate !== 'function') throw argumentType('condition.waitFor(): predicate', 'a function', predicate)
    const { timeout, signal } = checkWaitOptions('condition.waitFor()', options)
    const thread = currentThread()
    const deadlineMs = deadlineAfter(thread, timeout)
    for (;;) {
      if (await predicate()) return true
      const left = remainingMs(thread, deadlineMs)
      if (left === 0) return false
      await this.wait({ timeout: left === Infinity ? undefined : left, signal })
    }
  }

  /** Lets up to `n` of those that wait go on. @throws ERR_MULTIPROC_NOT_OWNER without the lock. */
  notify(n = 1): Promise<void> {
    return call(this, 'notify', [n])
  }

  notifyAll(): Promise<void> {
    return call(this, 'notifyAll', [])
  }
}
