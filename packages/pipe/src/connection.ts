import { argumentType, argumentValue, Channel, checkSyncWaitOptions, checkWaitOptions, EOFError, registerHandle, untilEnd, WAITABLE } from '@multiproc/core'
import type { SyncWaitOptions, Turn, Waitable, WaitKind, WaitOptions } from '@multiproc/core'

type Bytes = ArrayBufferView | ArrayBuffer

/** Which part of the buffer is sent. */
export interface ByteRange {
  /** Where it starts. Default 0. */
  readonly offset?: number | undefined
  /** How many bytes. Default: all from `offset` on. */
  readonly size?: number | undefined
}

export interface LengthLimit {
  /** A longer message is refused with `BufferTooShort`, and stays. Default: no limit. */
  readonly maxLength?: number | undefined
}

export interface TargetOffset {
  /** Where in the buffer the message is written. Default 0. */
  readonly offset?: number | undefined
}

/**
 * One end of a pipe: sends values or bytes to whoever holds the other end, and receives theirs.
 *
 * Messages keep their boundaries and arrive in the order they were sent, each once, at one of those who receive at the
 * other end. Pass a Connection in `args`, or send it: the receiver holds the same end too. Several processes may use one end.
 *
 * @remarks
 * When everybody who held the other end has closed it or is dead, killed included, `recv` gives what is left and then
 * throws `EOFError`; `send` throws it at once. As in Python, an end that this process still holds itself keeps the pipe
 * open: close your copy, or hand it over with `move()`. A process killed while it sends leaves nothing half sent. A message
 * that was taken out and is being decoded when its process is killed is lost with it; any other stays for the next reader.
 * Python: `multiprocessing.connection.Connection`.
 */
export class Connection<Send = unknown, Recv = unknown> implements AsyncIterable<Recv>, Waitable {
  readonly #channel: Channel

  /** Connections are made by `Pipe()`. */
  constructor(channel: Channel) {
    if (!(channel instanceof Channel)) throw argumentType('`new Connection()`: a Connection', 'made by Pipe()', channel)
    this.#channel = channel
  }

  static {
    registerHandle<Connection>({
      class: Connection,
      name: 'pipe.Connection',
      package: '@multiproc/pipe',
      version: '1',
      module: import.meta.url,
      reduce: (connection) => connection.#channel.reduce(),
      revive: ({ offset, generation, extra }) => new Connection(new Channel({ handle: { offset, generation }, end: extra as 0 | 1 }, 'connection')),
    })
  }

  /** True after `close()`. */
  get closed(): boolean {
    return this.#channel.closed
  }

  /** Whether this end can receive: false once closed, and at the writer of a one-way pipe. */
  get readable(): boolean {
    return this.#channel.readable
  }

  /** Whether this end can send: false once closed, and at the reader of a one-way pipe. */
  get writable(): boolean {
    return this.#channel.writable
  }

  /**
   * Sends a value; done when it is written, which waits while the pipe is full. It is encoded at once, so later changes to
   * it are not sent. Several calls are done in order.
   *
   * @param options.timeout - milliseconds to wait for room; 0 tries once; default waits for ever.
   * @param options.signal - aborting while waiting sends nothing.
   * @throws TimeoutError; AbortError; EOFError when nobody is left to receive; ERR_MULTIPROC_NOT_SENDABLE with the path of
   * what cannot be sent; ERR_MULTIPROC_NO_MEMORY; ERR_MULTIPROC_CLOSED. Nothing was sent then.
   * @example await connection.send({ id: 1, data: new Float64Array(8) })
   */
  async send(value: Send, options?: WaitOptions): Promise<void> {
    return this.#channel.send(value, checkWaitOptions('`connection.send()`', options))
  }

  /** The same, blocking this thread. @throws ERR_MULTIPROC_DEADLOCK if only this thread itself could make room. */
  sendSync(value: Send, options?: SyncWaitOptions): void {
    this.#channel.sendSync(value, checkSyncWaitOptions('`connection.sendSync()`', options))
  }

  /** Sends if there is room now; false, and nothing sent, if there is none. Never waits. */
  trySend(value: Send): boolean {
    return this.#channel.trySend(value)
  }

  /**
   * Takes the oldest message, waiting for one.
   *
   * @param options.timeout - milliseconds; 0 tries once; default waits for ever.
   * @param options.signal - aborting while waiting takes no message.
   * @returns the value: a copy in own memory.
   * @throws TimeoutError; AbortError; EOFError once nobody can send any more and everything was received;
   * ERR_MULTIPROC_BAD_FRAME if the message was sent with `sendBytes`: it stays; ERR_MULTIPROC_CLOSED. An error while the
   * value is rebuilt is thrown, too; that message is gone, the next one comes with the next call.
   * @example const { id } = await connection.recv({ timeout: 500 })
   */
  async recv(options?: WaitOptions): Promise<Recv> {
    return this.#channel.recv(checkWaitOptions('`connection.recv()`', options)) as Promise<Recv>
  }

  /** The same, blocking this thread. @throws ERR_MULTIPROC_DEADLOCK if only this thread itself could send. */
  recvSync(options?: SyncWaitOptions): Recv {
    return this.#channel.recvSync(checkSyncWaitOptions('`connection.recvSync()`', options)) as Recv
  }

  /** Takes the oldest message if there is one. Never waits. @throws EOFError as `recv`. */
  tryRecv(): { value: Recv } | undefined {
    return this.#channel.tryRecv() as { value: Recv } | undefined
  }

  /**
   * Whether `recv` would return at once: a message is there, or the end of file.
   *
   * @param options.timeout - milliseconds to wait for that; default 0.
   * @returns false after `timeout`. Takes nothing.
   * @throws AbortError; ERR_MULTIPROC_CLOSED.
   */
  async poll(options?: WaitOptions): Promise<boolean> {
    return this.#channel.poll(checkWaitOptions('`connection.poll()`', options))
  }

  /** The same, blocking this thread. */
  pollSync(options?: SyncWaitOptions): boolean {
    return this.#channel.pollSync(checkSyncWaitOptions('`connection.pollSync()`', options))
  }

  /**
   * Sends bytes as one message, without encoding them; received with `recvBytes` or `recvBytesInto`. What waits for room is
   * a copy, so the buffer may be changed after the call.
   *
   * @throws as `send`; RangeError for a range outside of the buffer.
   */
  async sendBytes(buffer: Bytes, options?: ByteRange & WaitOptions): Promise<void> {
    const call = '`connection.sendBytes()`'
    checkWaitOptions(call, options, ['offset', 'size'])
    return this.#channel.sendBytes(part(call, buffer, options), options)
  }

  /** The same, blocking this thread. */
  sendBytesSync(buffer: Bytes, options?: ByteRange & SyncWaitOptions): void {
    const call = '`connection.sendBytesSync()`'
    checkSyncWaitOptions(call, options, ['offset', 'size'])
    this.#channel.sendBytesSync(part(call, buffer, options), options)
  }

  /**
   * Takes the oldest message, which must have been sent with `sendBytes`.
   *
   * @returns a new Buffer.
   * @throws as `recv`; ERR_MULTIPROC_BAD_FRAME if it was sent with `send`; BufferTooShort if it is longer than `maxLength`.
   * In both cases it stays.
   */
  async recvBytes(options?: LengthLimit & WaitOptions): Promise<Buffer> {
    const call = '`connection.recvBytes()`'
    checkWaitOptions(call, options, ['maxLength'])
    return this.#channel.recvBytes(checkLimit(call, options))
  }

  /** The same, blocking this thread. */
  recvBytesSync(options?: LengthLimit & SyncWaitOptions): Buffer {
    const call = '`connection.recvBytesSync()`'
    checkSyncWaitOptions(call, options, ['maxLength'])
    return this.#channel.recvBytesSync(checkLimit(call, options))
  }

  /**
   * Writes the oldest message, which must have been sent with `sendBytes`, into `buffer`.
   *
   * @returns how many bytes it has.
   * @throws as `recvBytes`; BufferTooShort if it does not fit behind `offset`: it stays.
   */
  async recvBytesInto(buffer: Bytes, options?: TargetOffset & WaitOptions): Promise<number> {
    const call = '`connection.recvBytesInto()`'
    checkWaitOptions(call, options, ['offset'])
    return this.#channel.recvBytesInto(part(call, buffer, options), options)
  }

  /** The same, blocking this thread. */
  recvBytesIntoSync(buffer: Bytes, options?: TargetOffset & SyncWaitOptions): number {
    const call = '`connection.recvBytesIntoSync()`'
    checkSyncWaitOptions(call, options, ['offset'])
    return this.#channel.recvBytesIntoSync(part(call, buffer, options), options)
  }

  /**
   * Gives this end up. What was sent stays for the other end to receive; waits that are pending here reject with
   * ERR_MULTIPROC_CLOSED. Closing twice is harmless.
   */
  close(): void {
    this.#channel.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** @internal For `wait()`. */
  [WAITABLE](call: string, kind: WaitKind): Turn {
    return this.#channel[WAITABLE](call, kind)
  }

  /** Receives until the end of file; `break` leaves the connection open. */
  [Symbol.asyncIterator](): AsyncGenerator<Recv, void, undefined> {
    return untilEnd(() => this.recv(), EOFError)
  }
}

function part(call: string, buffer: Bytes, { offset = 0, size }: ByteRange = {}): Uint8Array {
  const isView = ArrayBuffer.isView(buffer)
  if (!isView && !(buffer instanceof ArrayBuffer)) throw argumentType(`${call}: buffer`, 'a Buffer, TypedArray, DataView or ArrayBuffer', buffer)
  const length = buffer.byteLength
  checkCount(`${call}: options.offset`, offset, length)
  const count = size ?? length - offset
  checkCount(`${call}: options.size`, count, length - offset)
  return isView ? new Uint8Array(buffer.buffer, buffer.byteOffset + offset, count) : new Uint8Array(buffer, offset, count)
}

function checkLimit<T extends LengthLimit>(call: string, options?: T): T | undefined {
  if (options?.maxLength !== undefined) checkCount(`${call}: options.maxLength`, options.maxLength, Infinity)
  return options
}

function checkCount(name: string, value: number, most: number): void {
  if (typeof value !== 'number') throw argumentType(name, 'a number of bytes', value)
  const whole = Number.isInteger(value) || (value === Infinity && most === Infinity)
  if (!whole || value < 0 || value > most) throw argumentValue(name, most === Infinity ? 'a whole number of bytes, 0 or more' : `a whole number from 0 to ${most}`, value)
}
