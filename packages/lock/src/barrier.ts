import {
  AbortError, abortError, argumentType, argumentValue, BrokenBarrierError, checkSyncWaitOptions, checkWaitOptions, deadlineAfter, registerHandle,
  remainingMs, type SyncWaitOptions, type WaitOptions,
} from '@multiproc/core'
import { barrierBytes, BarrierWords, formatBarrier, MOST_PARTIES, type Passage } from './barrier-words.ts'
import { BLOCK, BlockHandle } from './block-handle.ts'
import type { Home } from './home.ts'
import { checkNames } from './names.ts'
import { LOCK_VERSION, SharedBlock, type BlockKind, type NameOptions } from './shared-block.ts'

const BARRIER: BlockKind = {
  noun: 'barrier',
  magic: 0x4d_50_42_31, // 'MPB1'
  bytes: ([parties = 1]) => barrierBytes(parties),
  format: (words, body, [parties = 1]) => formatBarrier(words, body, parties),
}

export interface BarrierOptions extends NameOptions {
  /** Called by the last party to come, before all go on; an async wait awaits it. If it throws, the barrier is broken. */
  readonly action?: (() => unknown) | undefined
  /** Milliseconds that `wait` waits if it is not told otherwise; default for ever. */
  readonly timeout?: number | undefined
}

class SharedBarrier extends SharedBlock {
  readonly parties: BarrierWords

  constructor(home: Home) {
    super(home)
    this.parties = new BarrierWords(this.thread, this.words, this.body, () => this.liveThreads())
  }

  protected override joined(): void {
    this.parties.joined()
  }
}

/**
 * A point that a number of threads or tasks must all reach before any of them goes on. Usable again and again.
 * Python: `multiprocessing.Barrier`.
 *
 * @remarks
 * A party that leaves before all are there (timeout, abort, close, death) breaks the barrier: all others that wait, and all
 * that come, get BrokenBarrierError until `reset()`. Nobody hangs. The action and the timeout travel with the handle.
 *
 * @example
 * const start = new Barrier(3)
 * const race = (start: Barrier) => start.waitSync()
 * for (let i = 0; i < 2; i++) new Process({ target: race, args: [start] }).start()
 * await start.wait() // => 0, 1 or 2
 */
export class Barrier extends BlockHandle<SharedBarrier> {
  readonly #action: (() => unknown) | undefined
  readonly #timeout: number | undefined

  /**
   * @param parties - 1 to 1,022. With a name, all must give the same; each has its own action and timeout.
   * @throws as `new Lock()`.
   */
  constructor(parties: number, options?: BarrierOptions) {
    const call = 'new Barrier()'
    const arrived = parties as unknown
    super(arrived instanceof SharedBarrier ? arrived : create(call, parties, options))
    this.#action = options?.action
    this.#timeout = options?.timeout
  }

  /**
   * Waits until all parties wait.
   *
   * @param options.timeout - milliseconds, in place of the barrier's own.
   * @returns this party's number, from 0 to `parties` - 1, in the order they came; the last one called the action.
   * @throws BrokenBarrierError, also when `timeout` passed, which breaks it; what the action throws, in the last party;
   * AbortError and ERR_MULTIPROC_CLOSED, also when this handle is closed meanwhile, which break it, too.
   */
  async wait(options?: WaitOptions): Promise<number> {
    const call = 'barrier.wait()'
    const { timeout, signal } = checkWaitOptions(call, options)
    this.checkOpen(call)
    if (signal?.aborted) throw abortError(signal)
    const barrier = this[BLOCK]
    const { parties, thread } = barrier
    const deadlineMs = deadlineAfter(thread, timeout ?? this.#timeout)
    const untilThen = <T>(wait: (options: WaitOptions) => Promise<T>): Promise<T> =>
      this.untilClosed(call, { timeout: deadlineMs === Infinity ? undefined : remainingMs(thread, deadlineMs), signal }, wait)
    // A party that leaves must be able to say so, also when it leaves because its handle was closed.
    barrier.retain()
    try {
      const index = await untilThen((ends) => parties.arrive(ends)).catch((error: unknown) => {
        parties.abort()
        throw error
      })
      if (index === undefined) parties.abort()
      if (index === undefined || index === 'broken') throw broken(call)
      let passage: Passage | undefined
      try {
        if (index < parties.parties - 1) passage = await untilThen((ends) => parties.pass(ends))
        else passage = (await this.#action?.(), parties.open())
      } finally {
        const went = parties.depart(index)
        passage ??= went
      }
      if (passage === 'broken') throw broken(call)
      return index
    } catch (error) {
      if (!(error instanceof AbortError && signal?.aborted)) throw error
      throw new AbortError(`\`${call}\` was aborted, which broke the barrier for all. Call reset() when all are ready to begin again.`, { cause: signal.reason })
    } finally {
      barrier.release()
    }
  }

  /** `wait`, blocking the thread instead. A promise that the action returns is not awaited. */
  waitSync(options?: SyncWaitOptions): number {
    const call = 'barrier.waitSync()'
    const { timeout } = checkSyncWaitOptions(call, options)
    this.checkOpen(call)
    const barrier = this[BLOCK]
    const { parties, thread } = barrier
    const deadlineMs = deadlineAfter(thread, timeout ?? this.#timeout)
    // The action may close this handle.
    barrier.retain()
    try {
      const index = parties.arriveSync(deadlineMs)
      if (index === undefined) parties.abort()
      if (index === undefined || index === 'broken') throw broken(call)
      let passage: Passage | undefined
      try {
        if (index < parties.parties - 1) passage = parties.passSync(deadlineMs)
        else passage = (this.#action?.(), parties.open())
      } finally {
        const went = parties.depart(index)
        passage ??= went
      }
      if (passage === 'broken') throw broken(call)
      return index
    } finally {
      barrier.release()
    }
  }

  /** Makes it as new: those who wait get BrokenBarrierError. */
  reset(): void {
    this.checkOpen('barrier.reset()')
    this[BLOCK].parties.reset()
  }

  /** Breaks it: those who wait, and those who come, get BrokenBarrierError until `reset()`. */
  abort(): void {
    this.checkOpen('barrier.abort()')
    this[BLOCK].parties.abort()
  }

  /** How many must come. */
  get parties(): number {
    this.checkOpen('barrier.parties')
    return this[BLOCK].parties.parties
  }

  /** How many wait, at this moment. Python: `n_waiting`. */
  get nWaiting(): number {
    this.checkOpen('barrier.nWaiting')
    return this[BLOCK].parties.waiting
  }

  /** Whether the next to come gets an error, at this moment. */
  get broken(): boolean {
    this.checkOpen('barrier.broken')
    return this[BLOCK].parties.isBroken
  }

  static {
    registerHandle<Barrier>({
      class: Barrier,
      name: 'lock.Barrier',
      package: '@multiproc/lock',
      version: LOCK_VERSION,
      module: import.meta.url,
      reduce: (handle) => {
        const { extra: name, ...place } = handle[BLOCK].sent()
        return { ...place, extra: [name, handle.#action, handle.#timeout] }
      },
      revive: ({ extra, ...place }) => {
        const [name, action, timeout] = extra as [unknown, BarrierOptions['action'], BarrierOptions['timeout']]
        return new Barrier(SharedBlock.received(SharedBarrier, BARRIER, place, name) as never, { action, timeout })
      },
    })
  }
}

function create(call: string, parties: number, options: BarrierOptions | undefined): SharedBarrier {
  if (typeof parties !== 'number') throw argumentType(`${call}: parties`, 'a number of parties', parties)
  if (!Number.isInteger(parties) || parties < 1 || parties > MOST_PARTIES) throw argumentValue(`${call}: parties`, `an integer from 1 to ${MOST_PARTIES}`, parties)
  checkNames(call, options, ['action', 'timeout'])
  const { action, timeout } = options ?? {}
  if (action !== undefined && typeof action !== 'function') throw argumentType(`${call}: options.action`, 'a function', action)
  if (timeout !== undefined && typeof timeout !== 'number') throw argumentType(`${call}: options.timeout`, 'a number of milliseconds', timeout)
  if (timeout !== undefined && !(timeout >= 0)) throw argumentValue(`${call}: options.timeout`, '0 or more milliseconds', timeout)
  return SharedBlock.make(SharedBarrier, BARRIER, call, [parties], options)
}

function broken(call: string): BrokenBarrierError {
  return new BrokenBarrierError(`\`${call}\` failed: the barrier is broken: it was aborted or reset, or a party left or died. Call reset() when all are ready to begin again.`)
}
