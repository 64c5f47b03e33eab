import { deadlineAfter, decode, encode, MultiprocError, remainingMs, ServerLostError, TimeoutError, turnIsDue, unpackThrown, currentThread } from '@multiproc/core'
import type { PackedThrown, Thread } from '@multiproc/core'
import type { Carrier } from './carrier.ts'
import { CALL, CANCEL, NO_CALL, READY, readReplies, RELEASE, requestFrame, RETURNED } from './protocol.ts'
import type { CREATE, ObjectId } from './protocol.ts'
import { valueOf } from './reply.ts'
import type { Outcome } from './reply.ts'

/** The trace of an error from the server is joined to the caller's while fewer calls than this are under way: making it costs more than a call. */
const TRACED_CALLS = 64

export interface Asked {
  readonly kind: typeof CALL | typeof CREATE
  readonly object: ObjectId
  /** Of a new object: its type. */
  readonly method: string
}

interface Pending {
  readonly call: string
  /** Its stack is joined to that of an error from the server. */
  readonly caller: Error | undefined
  settle(outcome: Outcome): void
}

/**
 * This thread's line to one server, shared by all proxies here: requests go at once and in order, replies come when they
 * come. While calls are pending it keeps the event loop alive, and only then. How it reaches the server, and how it learns of
 * the server's end, is its subclass's: family-link.ts, remote-link.ts.
 */
export abstract class Link {
  /** Names the server in this family of processes. */
  readonly key: string
  /** The server itself runs in this thread: blocking for it would be for ever. */
  isServer = false
  protected readonly thread: Thread = currentThread()
  protected carrier: Carrier | undefined
  /** The server has answered. */
  protected met = false
  /** Says why, once the server is gone. */
  protected lost: string | undefined
  /** What went wrong, if more is known. */
  protected failure: unknown
  protected readonly advice: string = 'its objects are gone. Start a new manager.'
  readonly #pending = new Map<number, Pending>()
  #lastCall = NO_CALL
  /** What the server said of itself, or why it could not start. */
  #welcome: Outcome | undefined
  readonly #meetings: (() => void)[] = []
  #polls = false

  protected constructor(key: string) {
    this.key = key
  }

  /** For messages and inspect: `pid 7`, `host:port`. */
  abstract readonly where: string

  /** Makes first contact, unless it was made. */
  protected abstract greet(call: string): void
  /** Hands a frame on. `sent` is told what became of it. */
  protected abstract put(call: string, frame: Buffer, sent?: (arrives: boolean) => void): void
  /** Before a blocking wait for the server, which lasts at most the time returned. */
  protected abstract checkBlocking(call: string, left: number): number
  /** What is needed once the server is over. Says how it ended, for `lost`. */
  protected abstract ended(): string
  /** The server was met. */
  protected welcomed(): void {}

  /** What the server said of itself, once it was met. */
  get said(): unknown {
    return this.#welcome !== undefined && 'value' in this.#welcome ? this.#welcome.value : undefined
  }

  /** Resolves when the server has answered. @throws ServerLostError; what the server threw when it started. */
  async ready(call: string): Promise<void> {
    this.checkThere(call)
    this.greet(call)
    if (this.#welcome === undefined) await new Promise<void>((resolve) => this.#meet(call, resolve))
    valueOf(this.#welcome as unknown as Outcome)
  }

  /** The same, blocking. */
  readySync(call: string): void {
    this.checkThere(call)
    this.greet(call)
    if (this.#welcome === undefined) this.#meet(call, () => {})
    valueOf(this.#block(call, () => this.#welcome, undefined))
  }

  /** @throws ServerLostError once it is known that the server is gone. */
  checkThere(call: string): void {
    if (this.lost !== undefined) throw this.lostError(call)
  }

  /**
   * Sends a request, at once. `settle` is told how it ended.
   * @returns the number of the call, for `cancel`.
   * @throws NOT_SENDABLE and its like, by path; ServerLostError. Nothing was sent then.
   */
  send(call: string, { kind, object, method }: Asked, args: unknown, settle: (outcome: Outcome) => void): number {
    this.checkThere(call)
    this.greet(call)
    const encoded = this.encode(args, kind === CALL ? 'args' : '')
    // Code of the user's ran: more calls may have been made, or the end of the server been noticed.
    let id: number
    try {
      this.checkThere(call)
      id = ++this.#lastCall
      const frame = requestFrame(kind, id, object, method, encoded)
      this.put(call, frame, encoded.hasHandles ? (arrives) => (arrives ? encoded.commit() : encoded.abort()) : undefined)
    } catch (error) {
      encoded.abort()
      throw error
    }
    this.#pend(id, { call, caller: this.#pending.size < TRACED_CALLS ? new Error() : undefined, settle })
    return id
  }

  /** The same, blocking until it has ended. @throws TimeoutError, ERR_MULTIPROC_DEADLOCK in the server. */
  sendSync(call: string, asked: Asked, args: unknown, timeout?: number): Outcome {
    if (this.isServer) {
      throw new MultiprocError('ERR_MULTIPROC_DEADLOCK', `${call} would wait for ever: it blocks the manager's server, which should answer it. Use the async methods here.`)
    }
    let outcome: Outcome | undefined
    const id = this.send(call, asked, args, (ended) => (outcome = ended))
    return this.#block(call, () => outcome, timeout, id)
  }

  /** The answer to a call is not wanted any more: the server ends it, if it waits. */
  cancel(id: number): void {
    if (this.lost === undefined && this.#pending.has(id)) this.put('cancel', requestFrame(CANCEL, id, '', ''))
  }

  /** Tells the server that this thread has let go of an object. */
  release(object: ObjectId, count = 1): void {
    if (this.lost !== undefined) return
    try {
      this.put('release', requestFrame(RELEASE, NO_CALL, object, String(count)))
    } catch {
      // The server is over.
    }
  }

  /** Everything that was called has reached the server, or will whatever happens to this process: before a proxy is sent. */
  flush(): void {
    this.carrier?.flushSync()
  }

  protected encode(value: unknown, root: string) {
    return encode(value, root)
  }

  protected decode(bytes: Uint8Array, start: number, end: number): unknown {
    return decode(bytes, start, end)
  }

  /** Takes all replies that are there. */
  protected look(): void {
    if (this.#settleAnswered() === 'end') this.serverIsGone()
  }

  /** An answer often comes within microseconds: looking for it costs less than being woken for it. */
  protected pollSoon(): void {
    if (this.#polls || this.carrier === undefined) return
    this.#polls = true
    queueMicrotask(() => {
      this.#polls = false
      const { carrier } = this
      if (carrier === undefined || this.lost !== undefined || this.#pending.size === 0 || turnIsDue()) return
      if (carrier.spin()) this.look()
    })
  }

  protected serverIsGone(): void {
    if (this.lost !== undefined) return
    // Read to the end first: what it has answered was done. This may lead here again.
    this.#settleAnswered()
    if (this.lost !== undefined) return
    this.lost = ''
    this.lost = this.ended()
    this.carrier?.close()
    for (const [id, { call, settle }] of [...this.#pending]) {
      this.#unpend(id)
      settle({ error: this.lostError(call) })
    }
  }

  protected lostError(call: string, how = this.lost): ServerLostError {
    const cause = this.failure ?? (this.#welcome !== undefined && 'error' in this.#welcome ? this.#welcome.error : undefined)
    const text = `${call} failed: the manager's server (${this.where}) ${how}; ${cause === undefined ? this.advice : 'see cause.'}`
    return new ServerLostError(text, { details: { server: this.where }, ...(cause !== undefined && { cause }) })
  }

  #meet(call: string, told: () => void): void {
    this.#meetings.push(told)
    if (this.#meetings.length > 1) return
    const settle = (outcome: Outcome): void => {
      this.#welcome ??= outcome
      for (const told of this.#meetings.splice(0)) told()
    }
    this.#pend(NO_CALL, { call, caller: new Error(), settle })
  }

  #block(call: string, ended: () => Outcome | undefined, timeout: number | undefined, id = -1): Outcome {
    const deadlineMs = deadlineAfter(this.thread, timeout)
    for (;;) {
      this.look()
      const found = ended()
      if (found !== undefined) return found
      const left = remainingMs(this.thread, deadlineMs)
      if (left === 0) {
        this.#unpend(id)
        throw new TimeoutError(`${call} failed: the manager's server (${this.where}) has not answered within ${timeout} ms. The call may still be done; wait longer.`, { details: { timeout } })
      }
      this.carrier?.poll(this.checkBlocking(call, left))
    }
  }

  #settleAnswered(): 'end' | 'for now' {
    for (;;) {
      const frame = this.carrier?.take()
      if (frame === undefined) return 'for now'
      if (frame === 'end') return 'end'
      try {
        readReplies(frame, (call, status, start, end) => this.#answered(frame, call, status, start, end))
      } catch (error) {
        if (!(error instanceof MultiprocError) || error.code !== 'ERR_MULTIPROC_BAD_FRAME') throw error
        return 'end'
      }
    }
  }

  #answered(frame: Buffer, id: number, status: number, start: number, end: number): void {
    const pending = this.#unpend(id)
    let value: unknown
    try {
      // Also for a call that nobody waits for any more: what it carries must land.
      value = this.decode(frame, start, end)
    } catch (error) {
      return pending?.settle({ error })
    }
    const outcome = status === RETURNED || status === READY ? { value } : { error: unpackThrown(value as PackedThrown, pending?.caller) }
    if (id === NO_CALL) {
      this.met = status === READY
      this.#welcome = outcome
      if (status === READY) this.welcomed()
    }
    pending?.settle(outcome)
  }

  #pend(id: number, pending: Pending): void {
    if (this.#pending.size === 0) this.thread.ref()
    this.#pending.set(id, pending)
    this.pollSoon()
  }

  #unpend(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    if (pending === undefined) return undefined
    this.#pending.delete(id)
    if (this.#pending.size === 0) this.thread.unref()
    return pending
  }
}

/** The links of this thread, by key. */
export const links = new Map<string, Link>()

// An unawaited call reaches the server even if its process ends right after it.
process.on('exit', () => {
  for (const link of links.values()) link.flush()
})
