import type { WaitOptions } from '../arguments.ts'
import type { Agent } from '../contracts/agent.ts'
import type { Thread } from '../contracts/thread.ts'
import { deadlineAfter, startTimer } from '../deadline.ts'
import { AbortError } from '../errors/remote.ts'

/**
 * One wait, cut into looks. Between two looks its thread sleeps, parked or in its event loop, until it is woken, a watched
 * thread dies or `untilMs` passes. Model tests drive turns by themselves; `settleSync` and `settle` do it for real.
 */
export interface Turn {
  /** True: it has what it waited for, and is out of the line. The first look takes the place in line. */
  look(): boolean
  /** After a look that was in vain: whose death must wake this thread, never its own id. */
  readonly watched: readonly number[]
  /** After a look that was in vain: when it must look again by itself. */
  readonly untilMs: number
  /** Gives up: out of the line, nothing taken, and a wake-up that came too late is passed on. */
  leave(): void
  /** Async waits: this thread is about to block in another wait; what was offered to this one goes to the next in line. */
  pass(): void
  /** Given once by `settle`: how to make it look at another moment, and how to end it with an error. */
  attach?(pending: PendingTurn): void
}

export interface PendingTurn {
  look(): void
  fail(error: unknown): void
}

/** Blocks the thread until the turn is done; false when the deadline passed first. */
export function settleSync(agent: Agent, turn: Turn, deadlineMs: number): boolean {
  try {
    while (!turn.look()) {
      if (agent.nowMs() >= deadlineMs) {
        turn.leave()
        return false
      }
      agent.park(Math.min(deadlineMs, turn.untilMs), turn.watched)
    }
    return true
  } catch (error) {
    // Or its place in line would swallow wake-ups that are meant for others.
    turn.leave()
    throw error
  }
}

/** Resolves with true when the turn is done, with false after `timeout`; rejects with `AbortError`. Refs the event loop until then. */
export function settle(thread: Thread, turn: Turn, { timeout, signal }: WaitOptions): Promise<boolean> {
  return new Promise((resolve, reject) => {
    new Settling(thread, turn, deadlineAfter(thread, timeout), signal, resolve, reject).look()
  })
}

export function abortError(signal: AbortSignal): AbortError {
  return new AbortError('the wait was aborted; nothing was taken, put or changed', { cause: signal.reason })
}

class Settling implements PendingTurn {
  readonly #thread: Thread
  readonly #turn: Turn
  readonly #deadlineMs: number
  readonly #signal: AbortSignal | undefined
  readonly #resolve: (done: boolean) => void
  readonly #reject: (error: unknown) => void
  readonly #watches = new Map<number, () => void>()
  readonly #removers: (() => void)[] = []
  readonly #aborted = (): void => this.fail(abortError(this.#signal!))
  #timerMs = Infinity
  #cancelTimer: () => void = () => {}
  #ended = false

  constructor(
    thread: Thread,
    turn: Turn,
    deadlineMs: number,
    signal: AbortSignal | undefined,
    resolve: (done: boolean) => void,
    reject: (error: unknown) => void,
  ) {
    this.#thread = thread
    this.#turn = turn
    this.#deadlineMs = deadlineMs
    this.#signal = signal
    this.#resolve = resolve
    this.#reject = reject
    // Before the first look takes a place in line: whoever sees us there must be able to ring.
    const look = (): void => this.look()
    this.#removers.push(thread.onBell(look), thread.onPark(() => turn.pass()))
    signal?.addEventListener('abort', this.#aborted, { once: true })
    thread.ref()
    turn.attach?.(this)
  }

  look(): void {
    if (this.#ended) return
    try {
      if (this.#turn.look()) {
        this.#end()
        this.#resolve(true)
      } else if (this.#thread.nowMs() >= this.#deadlineMs) {
        this.#end()
        this.#turn.leave()
        this.#resolve(false)
      } else {
        this.#sleep()
      }
    } catch (error) {
      this.fail(error)
    }
  }

  fail(error: unknown): void {
    if (this.#ended) return
    this.#end()
    this.#turn.leave()
    this.#reject(error)
  }

  #sleep(): void {
    const { watched } = this.#turn
    for (const [id, cancel] of this.#watches) {
      if (watched.includes(id)) continue
      cancel()
      this.#watches.delete(id)
    }
    for (const id of watched) {
      if (this.#watches.has(id)) continue
      this.#watches.set(id, this.#thread.watchDeath(id, () => {
        this.#watches.delete(id)
        this.look()
      }))
    }
    const untilMs = Math.min(this.#deadlineMs, this.#turn.untilMs)
    if (untilMs === this.#timerMs) return
    this.#cancelTimer()
    this.#timerMs = untilMs
    this.#cancelTimer = startTimer(this.#thread, untilMs, () => {
      this.#timerMs = Infinity
      this.look()
    })
  }

  #end(): void {
    this.#ended = true
    this.#cancelTimer()
    for (const cancel of this.#watches.values()) cancel()
    for (const remove of this.#removers) remove()
    this.#signal?.removeEventListener('abort', this.#aborted)
    this.#thread.unref()
  }
}


