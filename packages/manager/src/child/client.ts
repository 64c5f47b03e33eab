import { decode, discard, encode, MaybeEncodingError, packThrown } from '@multiproc/core'
import type { Channel, Encoded } from '@multiproc/core'
import { ChannelCarrier } from '../carrier.ts'
import type { Carrier } from '../carrier.ts'
import { readReplies, ReplyFrame, THREW } from '../protocol.ts'
import type { ReplyStatus } from '../protocol.ts'
import type { CallContext } from '../types/managed-type.ts'

/** A client that does not read so many bytes of replies gets no further calls done. */
const MOST_UNREAD_BYTES = 1 << 20

interface Origin {
  readonly pid: number
  readonly processName: string
}

/** One client, as the server sees it: a thread of the family, or a connection. */
export class Client {
  readonly carrier: Carrier
  isGone = false
  /** Calls that can be ended: they wait. */
  readonly calls = new Map<number, AbortController>()
  readonly #origin: Origin
  readonly #leftOpen = new Set<number>()
  readonly #frame = new ReplyFrame()
  /** Of the handles in the replies to come. */
  #flights: Encoded[] = []

  constructor(carrier: Carrier, origin: Origin) {
    this.carrier = carrier
    this.#origin = origin
  }

  get mayCall(): boolean {
    return this.carrier.unsent < MOST_UNREAD_BYTES
  }

  get hasReplies(): boolean {
    return this.#frame.length > 0
  }

  /** Arguments of a call, decoded when it begins. */
  decode(body: Uint8Array): unknown {
    return decode(body)
  }

  encode(value: unknown, root: string): Encoded {
    return encode(value, root)
  }

  /** For a call that may wait. */
  context(call: number): CallContext & { end(): void } {
    return new Context(this, call)
  }

  /** The server ends: what waits gets no answer, and so learns of that. */
  leaveOpen(): void {
    for (const [call, controller] of this.calls) {
      this.#leftOpen.add(call)
      controller.abort()
    }
  }

  /** Goes with the next `flush`. */
  reply(call: number, status: ReplyStatus, value: unknown): void {
    if (this.isGone || this.#leftOpen.has(call)) return
    let encoded: Encoded
    let told = status
    try {
      encoded = this.encode(value, 'result')
    } catch (cause) {
      told = THREW
      const error = new MaybeEncodingError(`the call was done, but its result cannot be sent: ${(cause as Error).message}`, { cause })
      encoded = this.encode(packThrown(error, this.#origin), 'error')
    }
    this.#frame.add(call, told, encoded)
    if (encoded.hasHandles) this.#flights.push(encoded)
  }

  threw(call: number, error: unknown): void {
    this.reply(call, THREW, packThrown(error, this.#origin))
  }

  /** @throws EOFError once nobody reads any more. */
  flush(roomAgain: () => void): void {
    if (this.isGone || !this.hasReplies) return
    const flights = this.#flights
    this.#flights = []
    try {
      this.carrier.send(this.#frame.take(), (arrives) => {
        for (const flight of flights) if (arrives) flight.commit()
        else flight.abort()
        if (this.carrier.unsent === 0) roomAgain()
      })
    } catch (error) {
      for (const flight of flights) flight.abort()
      throw error
    }
  }

  /** It is dead. Calls that wait end. */
  gone(): void {
    this.isGone = true
    for (const flight of this.#flights) flight.abort()
    for (const call of this.calls.values()) call.abort()
    this.calls.clear()
    this.carrier.close()
  }
}

class Context implements CallContext {
  readonly client: Client
  readonly #call: number

  constructor(client: Client, call: number) {
    this.client = client
    this.#call = call
  }

  get isGone(): boolean {
    return this.client.isGone
  }

  get signal(): AbortSignal {
    const { calls } = this.client
    const known = calls.get(this.#call)
    if (known !== undefined) return known.signal
    const controller = new AbortController()
    calls.set(this.#call, controller)
    return controller.signal
  }

  end(): void {
    this.client.calls.delete(this.#call)
  }
}

/** A thread of the family. */
export class FamilyClient extends Client {
  readonly #theirs: Channel

  /** @param theirs - the client's own end, to take out what a dead one has not read: that carries references, too. */
  constructor(ours: Channel, theirs: Channel, origin: Origin) {
    super(new ChannelCarrier(ours), origin)
    this.#theirs = theirs
  }

  override gone(): void {
    super.gone()
    for (;;) {
      const frame = this.#unread()
      if (frame === undefined) break
      readReplies(frame, (_call, _status, start, end) => discard(frame, start, end))
    }
    this.#theirs.close()
  }

  #unread(): Buffer | undefined {
    try {
      return this.#theirs.tryRecvBytes()
    } catch {
      // Its end.
      return undefined
    }
  }
}
