import { argumentType, argumentValue, checkOptions } from '@multiproc/core'

/** A number: so many attempts more when the worker dies. An object says more. */
export type Retry = number | RetryOptions

export interface RetryOptions {
  /** Attempts in all, the first included. */
  readonly attempts: number
  /** `crash`: its worker died (the default). `error`: that, or it threw. Or a function that decides; `attempt` counts from 1. */
  readonly on?: 'crash' | 'error' | ((error: unknown, attempt: number) => boolean)
  /** Milliseconds between two attempts. Default 0. */
  readonly delay?: number
}

/** How one task may be tried again. */
export class Attempts {
  readonly delayMs: number
  readonly #most: number
  readonly #on: NonNullable<RetryOptions['on']>
  /** The number of the attempt that runs, or ran last. */
  begun = 1

  constructor(retry: Retry) {
    const { attempts, on = 'crash', delay = 0 } = typeof retry === 'number' ? { attempts: retry + 1 } : retry
    this.#most = attempts
    this.#on = on
    this.delayMs = delay
  }

  /** True: it has another attempt, which is counted now. Throws what a deciding function throws. */
  another(error: unknown, isCrash: boolean): boolean {
    if (this.begun >= this.#most) return false
    const wanted = typeof this.#on === 'function' ? this.#on(error, this.begun) : isCrash || this.#on === 'error'
    if (wanted) this.begun += 1
    return wanted
  }
}

export function checkRetry(name: string, retry: unknown): void {
  if (retry === undefined) return
  if (typeof retry === 'number') return checkWhole(name, retry, 0)
  if (typeof retry !== 'object' || retry === null) throw argumentType(name, 'a number or { attempts, on, delay }', retry)
  checkOptions(name, retry, ['attempts', 'on', 'delay'])
  const { attempts, on, delay } = retry as RetryOptions
  checkWhole(`${name}.attempts`, attempts, 1)
  if (on !== undefined && on !== 'crash' && on !== 'error' && typeof on !== 'function') throw argumentValue(`${name}.on`, "'crash', 'error' or a function", on)
  if (delay !== undefined && !(typeof delay === 'number' && delay >= 0)) throw argumentValue(`${name}.delay`, '0 or more milliseconds', delay)
}

export function checkWhole(name: string, value: unknown, least: number): void {
  if (typeof value !== 'number') throw argumentType(name, 'a number', value)
  if (!Number.isInteger(value) || value < least) throw argumentValue(name, `a whole number of at least ${least}`, value)
}
