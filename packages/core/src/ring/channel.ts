import type { Handle } from '../arena/block.ts'
import { closedError, type SyncWaitOptions, type WaitOptions } from '../arguments.ts'
import type { WaitKind } from '../contracts/agent.ts'
import { WAITABLE, type Waitable } from '../contracts/waitable.ts'
import { deadlineAfter } from '../deadline.ts'
import { MultiprocError } from '../errors/base.ts'
import { BufferTooShort, EOFError, TimeoutError } from '../errors/python.ts'
import { HOLDERS_BYTES } from '../handles/holders.ts'
import { registerHandle, type ReducedHandle } from '../handles/registry.ts'
import type { Turn } from '../parking/turn.ts'
import type { EndIndex } from './channel-block.ts'
import type { ChannelContext, EncodedMessage } from './channel-context.ts'
import { type ChannelEnd, closeEnd, createBlock, openEnd } from './channel-end.ts'
import { familyContext } from './family-context.ts'
import { BYTES, HANDLES } from './layout.ts'
import { aborted } from './line.ts'
import { nextTurn, turnIsDue } from './loop-turn.ts'
import { type Message, Outgoing } from './message.ts'

/** Enough for a burst that one wake-up is paid for; the prototype's throughput did not grow beyond. */
const DEFAULT_CAPACITY = 64 * 1024
const LEAST_CAPACITY = 1024

export interface ChannelOptions {
  /** False: the first end only reads, the second only writes. Default true. */
  readonly duplex?: boolean
  /** Bytes of each ring, a power of two. Default 65,536. */
  readonly capacity?: number
  /** What error texts call it. Default `channel`. */
  readonly noun?: string
}

/** Names one end of a channel, to be attached by another thread. */
export interface ChannelPlace {
  readonly handle: Handle
  readonly end: EndIndex
}

const noOptions: WaitOptions = {}

/** Where small messages are decoded from. A decode inside a decode (a reviver that receives) finds it taken. */
const scratch = Buffer.allocUnsafeSlow(DEFAULT_CAPACITY / 4)
let scratchIsFree = true

const collected = new FinalizationRegistry<ChannelEnd>(closeEnd)

/**
 * One end of a two-way (or one-way) stream of messages between threads of a family: values or bytes, with boundaries, in
 * order, whoever dies. Arguments are not checked here; `@multiproc/pipe` is the public face.
 *
 * A message is encoded at the call, into this thread's scratch, and copied into shared memory when there is room; it is
 * copied out before it is decoded. So code of the user's (getters, reducers, revivers) never runs while a ring is held.
 * A send that fails, times out or is aborted leaves nothing behind. A message that cannot be decoded is consumed, its
 * error thrown, and the stream goes on behind it.
 */
export class Channel implements Waitable {
  readonly noun: string
  readonly #end: ChannelEnd
  #closed = false

  /** Two connected ends. One-way: the first reads, the second writes. */
  static pair({ duplex = true, capacity = DEFAULT_CAPACITY, noun }: ChannelOptions = {}, context: ChannelContext = familyContext()): [Channel, Channel] {
    const handle = createBlock(context, { duplex, capacity: Math.max(LEAST_CAPACITY, capacity) })
    return [new Channel({ handle, end: 1 }, noun, context), new Channel({ handle, end: 0 }, noun, context)]
  }

  /** This thread holds the end from now on. Something else must hold it during the call (a flight, for one). */
  constructor({ handle, end }: ChannelPlace, noun = 'channel', context: ChannelContext = familyContext()) {
    this.noun = noun
    this.#end = openEnd(context, handle, end)
    collected.register(this, this.#end, this)
  }

  /** What the codec needs to send this end; `extra` is the number of the end. */
  reduce(): ReducedHandle {
    const { handle, index, mine } = this.#end
    return { handle, holders: mine, holdersOffset: index * HOLDERS_BYTES, extra: index }
  }

  get closed(): boolean {
    return this.#closed
  }

  get readable(): boolean {
    return !this.#closed && this.#end.in !== undefined
  }

  get writable(): boolean {
    return !this.#closed && this.#end.out !== undefined
  }

  /** Waits of this object are rejected with ERR_MULTIPROC_CLOSED. Messages sent before stay readable. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    collected.unregister(this)
    this.#end.sends.cancel(this, closedError(this.#call('send')))
    this.#end.receives.cancel(this, closedError(this.#call('recv')))
    closeEnd(this.#end)
  }

  // values

  async send(value: unknown, options: WaitOptions = noOptions): Promise<void> {
    const method = this.#toWrite('send')
    this.#checkAborted(method, options)
    const encoded = this.#encode(value)
    try {
      if (this.#pushNow(method, encoded)) return turnIsDue() ? await nextTurn() : undefined
      const kept = new Outgoing(copyOf(encoded.scratch, encoded.length), encoded.length, encoded.hasHandles ? HANDLES : 0)
      await this.#enterSend(method, kept, options, () => encoded.commit())
    } catch (error) {
      encoded.abort()
      throw error
    }
  }

  sendSync(value: unknown, options: SyncWaitOptions = noOptions): void {
    const method = this.#toWrite('sendSync')
    const encoded = this.#encode(value)
    try {
      if (!this.#pushNow(method, encoded)) this.#waitToSend(method, outgoing(encoded), options)
      encoded.commit()
    } catch (error) {
      encoded.abort()
      throw error
    }
  }

  trySend(value: unknown): boolean {
    const method = this.#toWrite('trySend')
    const encoded = this.#encode(value)
    let sent = false
    try {
      sent = this.#pushNow(method, encoded)
      return sent
    } finally {
      if (!sent) encoded.abort()
    }
  }

  async recv(options: WaitOptions = noOptions): Promise<unknown> {
    const method = this.#toRead('recv')
    this.#checkAborted(method, options)
    if (this.#end.receives.isEmpty) {
      const taken = this.#takeValue(method) ?? (options.timeout !== 0 && this.#end.pollForRecord() ? this.#takeValue(method) : undefined)
      if (taken !== undefined) {
        if (turnIsDue()) await nextTurn()
        return taken.value
      }
    }
    return (await this.#enterReceive(method, () => this.#takeValue(method), options)).value
  }

  recvSync(options: SyncWaitOptions = noOptions): unknown {
    const method = this.#toRead('recvSync')
    return (this.#takeValue(method) ?? this.#waitToReceive(method, () => this.#takeValue(method), options)).value
  }

  tryRecv(): { value: unknown } | undefined {
    return this.#takeValue(this.#toRead('tryRecv'))
  }

  // bytes

  async sendBytes(bytes: Uint8Array, options: WaitOptions = noOptions): Promise<void> {
    const method = this.#toWrite('sendBytes')
    this.#checkAborted(method, options)
    if (this.#end.sends.isEmpty && this.#push(method, new Outgoing(bytes, bytes.length, BYTES))) {
      return turnIsDue() ? nextTurn() : undefined
    }
    await this.#enterSend(method, new Outgoing(copyOf(bytes, bytes.length), bytes.length, BYTES), options, () => {})
  }

  sendBytesSync(bytes: Uint8Array, options: SyncWaitOptions = noOptions): void {
    const method = this.#toWrite('sendBytesSync')
    const message = new Outgoing(bytes, bytes.length, BYTES)
    if (!this.#end.sends.flush() || !this.#push(method, message)) this.#waitToSend(method, message, options)
  }

  async recvBytes(options: WaitOptions & { maxLength?: number | undefined } = noOptions): Promise<Buffer> {
    const { method, take } = this.#bytesTaker('recvBytes', options.maxLength)
    return this.#receiveBytes(method, take, options)
  }

  recvBytesSync(options: SyncWaitOptions & { maxLength?: number | undefined } = noOptions): Buffer {
    const { method, take } = this.#bytesTaker('recvBytesSync', options.maxLength)
    return asBuffer(take() ?? this.#waitToReceive(method, take, options))
  }

  /** Resolves with the number of bytes written to the start of `target`. */
  async recvBytesInto(target: Uint8Array, options: WaitOptions = noOptions): Promise<number> {
    const { method, take } = this.#bytesTaker('recvBytesInto', target.length, target)
    return (await this.#receiveBytes(method, take, options)).length
  }

  recvBytesIntoSync(target: Uint8Array, options: SyncWaitOptions = noOptions): number {
    const { method, take } = this.#bytesTaker('recvBytesIntoSync', target.length, target)
    return (take() ?? this.#waitToReceive(method, take, options)).length
  }

  trySendBytes(bytes: Uint8Array, start = 0, length = bytes.length - start): boolean {
    const method = this.#toWrite('trySendBytes')
    return this.#end.sends.flush() && this.#push(method, new Outgoing(bytes, length, BYTES, start))
  }

  /** `tryRecvBytes` without memory of its own: the bytes are in `into` if they fit there. For those who decode at once. */
  tryTakeBytes(into: Uint8Array): Message | undefined {
    return this.#take(this.#toRead('tryTakeBytes'), this.#acceptBytes, into)
  }

  /** Throws EOFError at the end. */
  tryRecvBytes(): Buffer | undefined {
    const message = this.#bytesTaker('tryRecvBytes').take()
    return message === undefined ? undefined : asBuffer(message)
  }

  // looking

  /**
   * Calls `look` now and whenever a message may have come or the other end is over, until the returned function is called;
   * after the end it is called once more, and then never. Does not keep the event loop alive. `look` must take all there is.
   */
  listen(look: () => void): () => void {
    this.#toRead('listen')
    return this.#end.listen(look)
  }

  /**
   * Looks for a message for some microseconds, blocking, as long as that can be worth it; true if one came. For whoever
   * listens and expects an answer: it costs less than being woken. Calls no listener.
   */
  spin(): boolean {
    this.#toRead('spin')
    return !this.#end.in!.ring.isEmpty || this.#end.pollForRecord()
  }

  /** True when `recv` would not wait: a message is there, or the end of file. `timeout` is 0 by default. */
  async poll(options: WaitOptions = noOptions): Promise<boolean> {
    const method = this.#toRead('poll')
    this.#checkAborted(method, options)
    const isReady = (): true | undefined => this.#isReady()
    if (this.#end.receives.isEmpty && isReady()) return true
    if ((options.timeout ?? 0) === 0) return false
    return (await this.#end.receives.enter(this.#call(method), isReady, options, this)) ?? false
  }

  pollSync({ timeout = 0 }: SyncWaitOptions = noOptions): boolean {
    this.#toRead('pollSync')
    const { context } = this.#end
    return this.#end.waitForRecordSync(() => this.#isReady(), deadlineAfter(context.thread, timeout)) ?? false
  }

  [WAITABLE](call: string, kind: WaitKind): Turn {
    if (this.#closed) throw closedError(call)
    this.#toRead('poll')
    return this.#end.readTurn(kind, () => {
      if (this.#closed) throw closedError(call)
      return this.#isReady()
    })
  }

  #isReady(): true | undefined {
    return !this.#end.in!.ring.isEmpty || this.#end.isAtEnd || undefined
  }

  #call(method: string): string {
    return `\`${this.noun}.${method}()\``
  }

  /** Returns the method's name, for the errors of the same call. */
  #toWrite(method: string): string {
    if (this.#closed) throw closedError(this.#call(method))
    if (this.#end.out === undefined) throw this.#wrongWay(method, 'reads', 'the writer')
    return method
  }

  #toRead(method: string): string {
    if (this.#closed) throw closedError(this.#call(method))
    if (this.#end.in === undefined) throw this.#wrongWay(method, 'writes', 'the reader')
    return method
  }

  #wrongWay(method: string, does: string, other: string): MultiprocError {
    return new MultiprocError('ERR_MULTIPROC_UNSUPPORTED', `${this.#call(method)} failed: this end of a one-way pipe only ${does}. Use ${other}, or make the pipe without { duplex: false }.`)
  }

  #encode(value: unknown): EncodedMessage {
    return this.#end.context.codec.encode(value, 'value')
  }

  /** Pushes a message that was just encoded, behind those that wait. */
  #pushNow(method: string, encoded: EncodedMessage): boolean {
    if (!this.#end.sends.isEmpty && !this.#end.sends.flush()) return false
    if (!this.#push(method, outgoing(encoded))) return false
    encoded.commit()
    return true
  }

  #push(method: string, message: Outgoing): boolean {
    // Code of the user's that ran while encoding may have closed this end.
    if (this.#closed) throw closedError(this.#call(method))
    return this.#end.tryPush(message, () => this.#noReader(method))
  }

  async #enterSend(method: string, message: Outgoing, options: WaitOptions, pushed: () => void): Promise<void> {
    if (options.timeout === 0) throw this.#timeout(method, 0)
    const attempt = (): true | undefined => {
      if (!this.#push(method, message)) return undefined
      pushed()
      return true
    }
    if ((await this.#end.sends.enter(this.#call(method), attempt, options, this)) === undefined) throw this.#timeout(method, options.timeout)
  }

  #waitToSend(method: string, message: Outgoing, { timeout }: SyncWaitOptions): void {
    const end = this.#end
    const look = (): true | undefined => {
      if (end.sends.flush() && this.#push(method, message)) return true
      if (timeout === undefined && end.waitsForItself) throw this.#deadlock(method)
      return undefined
    }
    if (end.waitForRoomSync(look, deadlineAfter(end.context.thread, timeout)) === undefined) throw this.#timeout(method, timeout)
  }

  async #enterReceive<T>(method: string, take: () => T | undefined, options: WaitOptions): Promise<T> {
    if (options.timeout === 0) throw this.#timeout(method, 0)
    const taken = await this.#end.receives.enter(this.#call(method), take, options, this)
    if (taken === undefined) throw this.#timeout(method, options.timeout)
    return taken
  }

  #waitToReceive<T>(method: string, take: () => T | undefined, { timeout }: SyncWaitOptions): T {
    const end = this.#end
    const look = (): T | undefined => {
      const taken = take()
      if (taken === undefined && timeout === undefined && end.waitsForItself) throw this.#deadlock(method)
      return taken
    }
    // A reviver may close this connection, while this thread still stands in the line: its memory stays until it has left.
    end.users++
    try {
      const taken = end.waitForRecordSync(look, deadlineAfter(end.context.thread, timeout))
      if (taken === undefined) throw this.#timeout(method, timeout)
      return taken
    } finally {
      closeEnd(end)
    }
  }

  #takeValue(method: string): { value: unknown } | undefined {
    const own = scratchIsFree
    const message = this.#take(method, this.#acceptValue, own ? scratch : undefined)
    if (message === undefined) return undefined
    scratchIsFree = false
    try {
      return { value: this.#end.context.codec.decode(message.bytes, 0, message.length) }
    } finally {
      scratchIsFree = own
    }
  }

  #take(method: string, accept: (length: number, isBytes: boolean) => void, into?: Uint8Array): Message | undefined {
    if (this.#closed) throw closedError(this.#call(method))
    const end = this.#end
    const message = end.tryTake(accept, into)
    if (message !== undefined || !end.isAtEnd) return message
    throw new EOFError(`${this.#call(method)} failed: everybody who could send has closed the other end or is dead. Catch EOFError, or use \`for await\`.`)
  }

  readonly #acceptValue = (_length: number, isBytes: boolean): void => {
    if (isBytes) throw this.#wrongKind('recv', 'bytes, sent with sendBytes()', 'recvBytes()')
  }

  readonly #acceptBytes = (_length: number, isBytes: boolean): void => {
    if (!isBytes) throw this.#wrongKind('recvBytes', 'a value, sent with send()', 'recv()')
  }

  #bytesTaker(method: string, maxLength = Infinity, into?: Uint8Array): { method: string; take: () => Message | undefined } {
    this.#toRead(method)
    const accept = (length: number, isBytes: boolean): void => {
      if (!isBytes) throw this.#wrongKind(method, 'a value, sent with send()', 'recv()')
      if (length > maxLength) {
        throw new BufferTooShort(`${this.#call(method)} failed: the next message has ${length} bytes, more than the ${maxLength} allowed. It stays: receive it with more room.`, { details: { length, maxLength } })
      }
    }
    return { method, take: () => this.#take(method, accept, into) }
  }

  async #receiveBytes(method: string, take: () => Message | undefined, options: WaitOptions): Promise<Buffer> {
    this.#checkAborted(method, options)
    if (this.#end.receives.isEmpty) {
      const message = take() ?? (options.timeout !== 0 && this.#end.pollForRecord() ? take() : undefined)
      if (message !== undefined) {
        if (turnIsDue()) await nextTurn()
        return asBuffer(message)
      }
    }
    return asBuffer(await this.#enterReceive(method, take, options))
  }

  #checkAborted(method: string, { signal }: WaitOptions): void {
    if (signal?.aborted) throw aborted(this.#call(method), signal)
  }

  #wrongKind(method: string, what: string, use: string): MultiprocError {
    return new MultiprocError('ERR_MULTIPROC_BAD_FRAME', `${this.#call(method)} failed: the next message is ${what}. It stays: receive it with ${use}.`)
  }

  #noReader(method: string): EOFError {
    return new EOFError(`${this.#call(method)} failed: everybody who could receive has closed the other end or is dead. Nothing was sent; stop sending.`)
  }

  #timeout(method: string, timeout: number | undefined): TimeoutError {
    const fact = method.startsWith('send') ? 'there was no room' : 'no message came'
    return new TimeoutError(`${this.#call(method)} timed out: ${fact} within ${timeout} ms. Nothing was sent or taken; raise { timeout }, or see what the other side does.`, { details: { timeout } })
  }

  #deadlock(method: string): MultiprocError {
    const use = method.startsWith('send') ? 'send()' : 'recv()'
    return new MultiprocError('ERR_MULTIPROC_DEADLOCK', `${this.#call(method)} would wait for ever: this thread alone holds the other end, and it would be blocked. Give that end to another process, use ${use}, or pass { timeout }.`)
  }
}

function outgoing(encoded: EncodedMessage): Outgoing {
  return new Outgoing(encoded.scratch, encoded.length, encoded.hasHandles ? HANDLES : 0)
}

/** `slice` of a Buffer would be a view. */
function copyOf(bytes: Uint8Array, length: number): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes, 0, length)
}

function asBuffer(message: Message): Buffer {
  const { bytes, length } = message
  return Buffer.from(bytes.buffer, bytes.byteOffset, length)
}

registerHandle({
  class: Channel,
  name: 'core.Channel',
  package: '@multiproc/core',
  version: '1',
  module: import.meta.url,
  reduce: (channel) => channel.reduce(),
  revive: ({ offset, generation, extra }) => new Channel({ handle: { offset, generation }, end: extra as EndIndex }),
})
