import { Channel, currentThread, deadlineAfter, decode, encode, EOFError, MultiprocError, remainingMs, ServerLostError, ShutDown, TimeoutError, unpackThrown } from '@multiproc/core'
import type { PackedThrown, Thread } from '@multiproc/core'
import type { Process } from '@multiproc/process'
import type { Queue } from '@multiproc/queue'
import { NO_CALL, READY, REPLY_HEADER_BYTES, RETURNED } from './protocol.ts'
import type { Call, Create, Request } from './protocol.ts'
import type { Outcome } from './reply.ts'

/** How often it is asked whether the server is still there, until it has answered for the first time. */
const NOT_MET_LOOK_MS = 100

/** What names a server in each message that carries a proxy. */
export interface ServerAddress {
  /** Unique in the family. */
  readonly key: string
  readonly pid: number
  readonly inbox: Queue<Request>
  /** The server holds the other end until it ends; nothing is ever sent. */
  readonly life: Channel
}

/** A request, but for what the link adds. */
export type Asked = Pick<Call, 'kind' | 'object' | 'method'> | Pick<Create, 'kind' | 'type' | 'referent'>

interface Pending {
  readonly call: string
  /** Its stack is joined to that of an error from the server. */
  readonly caller: Error
  settle(outcome: Outcome): void
}

/**
 * This thread's line to one server, shared by all proxies here: requests go at once and in order, replies come when they
 * come. While calls are pending it keeps the event loop alive, and only then.
 *
 * How it learns of the server's death:
 *   before the first reply   the server may not hold the writing end of our replies yet: by the end of `life`
 *   after it                 by the end of the replies; a blocked thread is woken by that, too
 *   in the thread that started the server, also by the exit of the child: it may have died before it held anything
 */
export class Link {
  readonly address: ServerAddress
  /** The server itself runs in this thread: blocking for it would be for ever. */
  isServer = false
  readonly #thread: Thread = currentThread()
  readonly #pending = new Map<number, Pending>()
  #replies: Channel | undefined
  #stopReplies = (): void => {}
  #stopLife = (): void => {}
  #lastCall = NO_CALL
  #met = false
  #meeting: Promise<void> | undefined
  #process: Process | undefined
  /** Says why, once the server is gone. */
  #lost: string | undefined

  private constructor(address: ServerAddress) {
    this.address = address
  }

  /** This thread's link to a server; of an address that came in a message and is known, the handles are not needed. */
  static to(address: ServerAddress): Link {
    const known = links.get(address.key)
    if (known !== undefined) {
      if (known.address.inbox !== address.inbox) closeAddress(address)
      return known
    }
    const link = new Link(address)
    links.set(address.key, link)
    return link
  }

  /** In the thread that started the server, which learns how it ended. */
  owns(process: Process): void {
    this.#process = process
    process.on('exit', () => this.#serverIsGone())
  }

  /** Resolves when the server has answered. */
  async ready(call: string): Promise<void> {
    this.checkThere(call)
    this.#greet()
    if (this.#met) return
    await (this.#meeting ??= new Promise<void>((resolve, reject) => {
      this.#pend(NO_CALL, { call, caller: new Error(), settle: (outcome) => ('error' in outcome ? reject(outcome.error) : resolve()) })
    }))
  }

  /** @throws ServerLostError once it is known that the server is gone. */
  checkThere(call: string): void {
    if (this.#lost !== undefined) throw this.#lostError(call)
  }

  /**
   * Puts a request into the server's inbox, at once. `settle` is told how it ended.
   * @throws NOT_SENDABLE and its like, by path; ServerLostError. Nothing was sent then.
   */
  send(call: string, asked: Asked, args: readonly unknown[], settle: (outcome: Outcome) => void): number {
    this.checkThere(call)
    const encoded = encode(args, 'args')
    const id = this.#lastCall + 1
    try {
      // A copy: what follows is encoded into the same scratch.
      const bytes = Buffer.from(encoded.bytes)
      this.#greet()
      this.#put(call, { ...asked, client: this.#thread.id, call: id, args: bytes } as Request)
    } catch (error) {
      encoded.abort()
      throw error
    }
    encoded.commit()
    this.#lastCall = id
    this.#pend(id, { call, caller: new Error(), settle })
    return id
  }

  /** The same, blocking until it has ended. @throws TimeoutError, ERR_MULTIPROC_DEADLOCK in the server. */
  sendSync(call: string, asked: Asked, args: readonly unknown[], timeout?: number): Outcome {
    if (this.isServer) {
      throw new MultiprocError('ERR_MULTIPROC_DEADLOCK', `${call} would wait for ever: it blocks the manager's server, which should answer it. Use the async methods here.`)
    }
    let outcome: Outcome | undefined
    const id = this.send(call, asked, args, (ended) => (outcome = ended))
    const deadlineMs = deadlineAfter(this.#thread, timeout)
    const ended = (): Outcome | undefined => outcome
    for (;;) {
      this.#look()
      const found = ended()
      if (found !== undefined) return found
      const left = remainingMs(this.#thread, deadlineMs)
      if (left === 0) {
        this.#unpend(id)
        throw new TimeoutError(`${call} failed: the manager's server (pid ${this.address.pid}) has not answered within ${timeout} ms. The call may still be done; wait longer.`, { details: { timeout } })
      }
      if (this.#met) this.#replies?.pollSync({ timeout: left })
      else {
        this.#replies?.pollSync({ timeout: Math.min(left, NOT_MET_LOOK_MS) })
        if (!this.#met && this.#isServerOver()) this.#serverIsGone()
      }
    }
  }

  /** Tells the server that this thread has let go of an object. */
  release(object: string): void {
    if (this.#lost !== undefined || this.address.inbox.closed) return
    try {
      this.address.inbox.putSync({ kind: 'release', object })
    } catch {
      // The server is shutting down.
    }
  }

  /** First contact: the server gets its way to answer. */
  #greet(): void {
    if (this.#replies !== undefined) return
    const [reader, writer] = Channel.pair({ duplex: false, noun: 'manager' })
    try {
      this.#put('manager', { kind: 'hello', client: this.#thread.id, replies: { writer, reader } })
    } catch (error) {
      reader.close()
      throw error
    } finally {
      // It must be the server's alone, so that its end is the server's.
      writer.close()
    }
    this.#replies = reader
    this.#stopReplies = reader.listen(() => this.#look())
    this.#stopLife = this.address.life.listen(() => this.#watchLife())
  }

  #put(call: string, request: Request): void {
    try {
      this.address.inbox.putSync(request)
    } catch (error) {
      if (!(error instanceof ShutDown)) throw error
      throw this.#lostError(call, `of pid ${this.address.pid} was shut down`)
    }
  }

  #look(): void {
    if (this.#settleAnswered() === 'end') this.#serverIsGone()
  }

  #settleAnswered(): 'end' | 'for now' {
    for (;;) {
      let bytes: Buffer | undefined
      try {
        bytes = this.#replies?.closed === false ? this.#replies.tryRecvBytes() : undefined
      } catch (error) {
        if (error instanceof EOFError) return 'end'
        throw error
      }
      if (bytes === undefined) return 'for now'
      this.#answered(bytes)
    }
  }

  #answered(bytes: Buffer): void {
    const id = bytes.readInt32LE(0)
    const status = bytes.readInt32LE(4)
    if (status === READY) {
      this.#met = true
      this.#stopLife()
    }
    const pending = this.#unpend(id)
    let value: unknown
    try {
      // Also for a call that nobody waits for any more: what it carries must land.
      value = decode(bytes, REPLY_HEADER_BYTES)
    } catch (error) {
      return pending?.settle({ error })
    }
    if (status === RETURNED || status === READY) pending?.settle({ value })
    else pending?.settle({ error: unpackThrown(value as PackedThrown, pending.caller) })
  }

  #pend(id: number, pending: Pending): void {
    if (this.#pending.size === 0) this.#thread.ref()
    this.#pending.set(id, pending)
  }

  #unpend(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    if (pending === undefined) return undefined
    this.#pending.delete(id)
    if (this.#pending.size === 0) this.#thread.unref()
    return pending
  }

  #isServerOver(): boolean {
    if (this.#process !== undefined && this.#process.exitCode !== null) return true
    const { life } = this.address
    return life.closed || life.pollSync()
  }

  #watchLife(): void {
    if (!this.#met && this.#lost === undefined && this.#isServerOver()) this.#serverIsGone()
  }

  #serverIsGone(): void {
    if (this.#lost !== undefined) return
    // Read to the end first: what it has answered was done. This may lead here again.
    this.#settleAnswered()
    if (this.#lost !== undefined) return
    this.#lost = `(pid ${this.address.pid}) ${this.#howItEnded()}`
    this.#stopReplies()
    this.#stopLife()
    this.#replies?.close()
    closeAddress(this.address)
    links.delete(this.address.key)
    for (const [id, { call, settle }] of [...this.#pending]) {
      this.#unpend(id)
      settle({ error: this.#lostError(call) })
    }
  }

  #howItEnded(): string {
    const process = this.#process
    if (process === undefined) return 'has ended'
    // Its threads are gone; that the process is takes the kernel some milliseconds more.
    process.joinSync({ timeout: 1000 })
    const { exitCode, signalCode } = process
    if (signalCode !== null) return `was ended by ${signalCode}`
    return exitCode === null ? 'has ended' : `exited with code ${exitCode}`
  }

  #lostError(call: string, how = this.#lost): ServerLostError {
    return new ServerLostError(`${call} failed: the manager's server ${how}; its objects are gone. Start a new manager.`, { details: { pid: this.address.pid } })
  }
}

const links = new Map<string, Link>()

function closeAddress({ inbox, life }: ServerAddress): void {
  inbox.close()
  life.close()
}
