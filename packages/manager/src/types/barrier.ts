import { argumentType, argumentValue, BrokenBarrierError } from '@multiproc/core'
import type { WaitOptions } from '@multiproc/core'
import { call, ManagedProxy } from '../proxy.ts'
import { builtin } from './managed-type.ts'
import type { CallContext } from './managed-type.ts'
import { callWaiting } from './wait-arguments.ts'
import type { ResultsOfWaits } from './wait-arguments.ts'
import { WaitingLine } from './waiting-line.ts'

export interface ManagedBarrierOptions {
  /** Runs in the server when all are there, before any goes on. If it throws, the barrier is broken. */
  readonly action?: (() => unknown) | undefined
  /** Milliseconds that `wait` waits if it is not told otherwise; default for ever. */
  readonly timeout?: number | undefined
}

class BarrierState {
  readonly parties: number
  readonly options: ManagedBarrierOptions
  waiting = 0
  broken = false
  /** Who is in a round finds out here how it ended. */
  #round: { ended?: 'open' | 'reset' } = {}
  readonly #line = new WaitingLine()

  constructor(parties: unknown, options: ManagedBarrierOptions = {}) {
    if (typeof parties !== 'number') throw argumentType('manager.barrier(): parties', 'a number', parties)
    if (!Number.isInteger(parties) || parties < 1) throw argumentValue('manager.barrier(): parties', 'a whole number, 1 or more', parties)
    this.parties = parties
    this.options = options
  }

  async wait(context: CallContext, { timeout = this.options.timeout }: { timeout?: number | undefined } = {}): Promise<number> {
    this.#checkWhole()
    const number = this.waiting++
    const round = this.#round
    if (this.waiting === this.parties) await this.#open(round)
    else {
      let passed: true | undefined
      try {
        passed = await this.#line.wait('barrier.wait()', context, timeout, () => {
          if (round.ended === 'open') return true
          if (round.ended === 'reset') throw brokenError()
          this.#checkWhole()
          return undefined
        })
      } finally {
        if (!passed && this.#round === round) this.break()
      }
      if (!passed) throw new BrokenBarrierError(`barrier.wait() failed: not all of the ${this.parties} came within ${timeout} ms. Call reset() to use it again.`)
    }
    return number
  }

  break(): void {
    this.broken = true
    this.waiting = 0
    this.#line.serve()
  }

  /** Those that wait get BrokenBarrierError. */
  reset(): void {
    this.#end('reset')
    this.broken = false
  }

  async #open(round: object): Promise<void> {
    try {
      await this.options.action?.()
    } catch (error) {
      if (this.#round === round) this.break()
      throw error
    }
    if (this.#round !== round) throw brokenError()
    this.#checkWhole()
    this.#end('open')
  }

  #end(how: 'open' | 'reset'): void {
    this.#round.ended = how
    this.#round = {}
    this.waiting = 0
    this.#line.serve()
  }

  #checkWhole(): void {
    if (this.broken) throw brokenError()
  }
}

function brokenError(): BrokenBarrierError {
  return new BrokenBarrierError('barrier.wait() failed: the barrier is broken, because somebody left it, or it was reset. Call reset() to use it again.')
}

export const barrier = builtin<BarrierState>({
  create: (parties, options) => new BarrierState(parties, options),
  show: ({ parties, waiting, broken }) => ({ contents: { parties, nWaiting: waiting, broken } }),
  exposed: {
    reset: (barrier) => barrier.reset(),
    abort: (barrier) => barrier.break(),
    parties: ({ parties }) => parties,
    nWaiting: ({ waiting }) => waiting,
    broken: ({ broken }) => broken,
  },
  waiting: { wait: (barrier, context, options) => barrier.wait(context, options) },
})

/** A barrier in a manager's server. A client that dies while it waits breaks it. Python: `manager.Barrier()`. */
export class BarrierProxy extends ManagedProxy {
  static readonly waits: ResultsOfWaits = { wait: { at: 0, result: (number) => number } }

  /** @returns the number of this party, in the order they came. @throws BrokenBarrierError, also after `timeout`; AbortError, which breaks it. */
  wait(options?: WaitOptions): Promise<number> {
    return callWaiting(this, 'barrier.wait()', 'wait', [], options)
  }

  reset(): Promise<void> {
    return call(this, 'reset', [])
  }

  abort(): Promise<void> {
    return call(this, 'abort', [])
  }

  get parties(): Promise<number> {
    return call(this, 'parties', [])
  }

  get nWaiting(): Promise<number> {
    return call(this, 'nWaiting', [])
  }

  get broken(): Promise<boolean> {
    return call(this, 'broken', [])
  }
}
