import { randomBytes } from 'node:crypto'
import { connect as connectNet } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { AuthenticationError, decode, encode, MultiprocError, TimeoutError } from '@multiproc/core'
import { through } from './abroad.ts'
import type { Abroad } from './abroad.ts'
import { Link, links } from './link.ts'
import { HELLO, HOLD, NO_CALL, PROTOCOL_VERSION, requestFrame } from './protocol.ts'
import type { ObjectId } from './protocol.ts'
import type { Reference } from './proxy.ts'
import { authenticate } from './socket/handshake.ts'
import { linkKey, showAddress } from './socket/options.ts'
import type { SocketSettings } from './socket/options.ts'
import { SocketCarrier } from './socket/socket-carrier.ts'

/** Until the server was reached, and both have proved the key. */
export const CONNECT_MS = 10_000
/** What a server may answer at once. */
const MOST_ANSWER_BYTES = 2 ** 31 - 1

/** Where a server elsewhere is, and what it takes to get in: sent to processes of this family only. */
export type RemoteAddress = SocketSettings

class RemoteReference implements Reference {
  readonly id: ObjectId
  received = 0
  #users = 0
  readonly #forget: () => void

  constructor(id: ObjectId, forget: () => void) {
    this.id = id
    this.#forget = forget
  }

  retain(): void {
    this.#users++
  }

  release(): boolean {
    if (--this.#users > 0) return false
    this.#forget()
    return true
  }
}

/**
 * A link to a server elsewhere, by a socket. It connects when it is made; what is called before it got through waits for that.
 * There is no reconnecting: objects belong to the server that was lost.
 */
export class RemoteLink extends Link {
  readonly address: RemoteAddress
  readonly where: string
  protected override readonly advice = 'connect again, its objects may be gone.'
  readonly #session = randomBytes(16).toString('hex')
  #objects = 0
  readonly #references = new Map<ObjectId, RemoteReference>()
  /** Frames from before the connection was there. */
  #waiting: Buffer[] | undefined = []
  /** Gives up; for a `connect()` that ran out of time. */
  readonly abandon = new AbortController()

  private constructor(address: RemoteAddress) {
    super(linkKey(address))
    this.address = address
    this.where = showAddress(address.address)
    this.#connect().catch((error: unknown) => {
      this.failure = error
      this.serverIsGone()
    })
  }

  static to(address: RemoteAddress): RemoteLink {
    const known = links.get(linkKey(address))
    if (known instanceof RemoteLink) return known
    const link = new RemoteLink(address)
    links.set(link.key, link)
    return link
  }

  get isMet(): boolean {
    return this.met
  }

  /** As `ready`, with what went wrong itself where it says more than that the server is lost. */
  async connected(call: string): Promise<void> {
    try {
      await this.ready(call)
    } catch (error) {
      throw this.failure instanceof AuthenticationError || this.failure instanceof TimeoutError ? this.failure : error
    }
  }

  /** Of an object that this thread makes: it names it, so that calls need not wait for an answer. */
  newReference(): Reference {
    return this.#received(`r${this.#session}:${++this.#objects}`)
  }

  /** Of an object that another process of this family has a proxy of. It must keep that until this has arrived. */
  hold(id: ObjectId): Reference {
    const known = this.#references.get(id)
    if (known !== undefined) return known
    this.put('hold', requestFrame(HOLD, NO_CALL, id, ''))
    return this.#received(id)
  }

  protected greet(): void {}

  protected put(call: string, frame: Buffer): void {
    if (this.#waiting !== undefined) return void this.#waiting.push(frame)
    try {
      ;(this.carrier as SocketCarrier).send(frame)
    } catch (error) {
      this.serverIsGone()
      this.checkThere(call)
      throw error
    }
  }

  protected checkBlocking(call: string, _: number): number {
    throw new MultiprocError('ERR_MULTIPROC_UNSUPPORTED', `${call} failed: a thread cannot block for a server elsewhere. Use the async methods.`)
  }

  protected override encode(value: unknown, root: string) {
    return through(this.#abroad, () => encode(value, root, { foreign: true }))
  }

  protected override decode(bytes: Uint8Array, start: number, end: number): unknown {
    return through(this.#abroad, () => decode(bytes, start, end))
  }

  protected ended(): string {
    links.delete(this.key)
    this.abandon.abort()
    return this.met ? 'is not there any more, or the connection to it was lost' : 'could not be reached'
  }

  readonly #abroad: Abroad = {
    key: this.key,
    reference: (_, id) => ({ link: this, referent: this.#received(id) }),
  }

  #received(id: ObjectId): RemoteReference {
    let reference = this.#references.get(id)
    if (reference === undefined) this.#references.set(id, (reference = new RemoteReference(id, () => this.#references.delete(id))))
    reference.received++
    return reference
  }

  async #connect(): Promise<void> {
    const carrier = await openSocket(this.address, this.abandon.signal)
    if (this.lost !== undefined) return carrier.destroy()
    carrier.open(MOST_ANSWER_BYTES)
    this.carrier = carrier
    carrier.listen(() => {
      this.failure ??= carrier.error
      this.look()
    })
    carrier.send(requestFrame(HELLO, NO_CALL, '', '', encode([PROTOCOL_VERSION])))
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const frame of waiting) carrier.send(frame)
  }
}

async function openSocket({ address, authKey, tls }: SocketSettings, signal: AbortSignal): Promise<SocketCarrier> {
  const place = typeof address === 'string' ? { path: address } : address
  const socket = tls === undefined ? connectNet(place) : connectTls({ ...place, ...tls })
  const carrier = new SocketCarrier(socket)
  const giveUp = (): void => carrier.destroy(new TimeoutError(`the connection to ${showAddress(address)} failed: the server has not answered within ${CONNECT_MS} ms.`))
  const timer = setTimeout(giveUp, CONNECT_MS)
  signal.addEventListener('abort', giveUp)
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once(tls === undefined ? 'connect' : 'secureConnect', resolve)
      socket.once('error', reject)
      socket.once('close', () => reject(carrier.error ?? new Error('the connection was closed')))
    })
    await authenticate(carrier, 'client', authKey)
    return carrier
  } catch (error) {
    carrier.destroy()
    throw carrier.error instanceof TimeoutError ? carrier.error : error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', giveUp)
  }
}
