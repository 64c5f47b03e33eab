import type { Socket } from 'node:net'
import { EOFError, frameHeader, FrameReader, MAX_AUTH_FRAME } from '@multiproc/core'
import type { Carrier } from '../carrier.ts'

/** Frames that were received and not taken may have so many bytes; then the peer has to wait. */
const MOST_UNTAKEN_BYTES = 1 << 20
/** What was sent in one turn goes in one write, up to so many bytes. */
const MOST_IN_ONE_WRITE = 1 << 16

/** A two-way stream of frames over a socket. It never keeps the event loop alive but for what is unsent. */
export class SocketCarrier implements Carrier {
  unsent = 0
  /** Why it ended, if that was no end as it should be. */
  error: Error | undefined
  readonly #socket: Socket
  readonly #reader: FrameReader
  readonly #received: Buffer[] = []
  #untaken = 0
  /** Until both sides have proved the key, frames are read one by one: what follows them may be longer. */
  #isHandshake = true
  #rest: Buffer | undefined
  #ended = false
  #look: (() => void) | undefined
  #out: Uint8Array[] = []
  #outBytes = 0
  readonly #sent: ((arrives: boolean) => void)[] = []

  constructor(socket: Socket) {
    this.#socket = socket
    this.#reader = new FrameReader(MAX_AUTH_FRAME)
    socket.on('data', (bytes: Buffer) => this.#read(bytes))
    socket.on('error', (error) => (this.error ??= error))
    socket.on('end', () => this.#end())
    socket.on('close', () => this.#end())
  }

  /** The handshake is over. A frame longer than this ends the connection when its header is read. */
  open(maxLength: number): void {
    this.#isHandshake = false
    this.#reader.maxLength = maxLength
    this.#socket.setNoDelay(true)
    this.#socket.setKeepAlive(true, 60_000)
    this.#read(Buffer.alloc(0))
  }

  send(frame: Uint8Array, sent?: (arrives: boolean) => void): void {
    if (this.#ended) throw new EOFError('the connection has ended.')
    const header = frameHeader(frame.length)
    // Copied: the caller's memory is its own again.
    this.#out.push(header, Uint8Array.prototype.slice.call(frame))
    this.#outBytes += header.length + frame.length
    this.unsent += frame.length
    if (sent !== undefined) this.#sent.push(sent)
    if (this.#out.length === 2) queueMicrotask(() => this.#write())
    if (this.#outBytes >= MOST_IN_ONE_WRITE) this.#write()
  }

  /** A socket is written by the event loop: what a process that exits has not written is lost. */
  flushSync(): void {
    this.#write()
  }

  take(): Buffer | 'end' | undefined {
    if (this.#received.length === 0 && this.#rest !== undefined) this.#read(Buffer.alloc(0))
    const frame = this.#received.shift()
    if (frame === undefined) return this.#ended ? 'end' : undefined
    this.#untaken -= frame.length
    if (this.#untaken < MOST_UNTAKEN_BYTES / 2 && this.#socket.isPaused()) this.#socket.resume()
    return frame
  }

  /** The next frame, waited for; only while nobody listens. */
  async next(): Promise<Buffer | 'end'> {
    for (;;) {
      const frame = this.take()
      if (frame !== undefined) return frame
      await new Promise<void>((resolve) => (this.#look = resolve))
      this.#look = undefined
    }
  }

  spin(): boolean {
    return false
  }

  poll(): boolean {
    return this.#ended || this.#received.length > 0
  }

  listen(look: () => void): void {
    this.#look = look
    this.#socket.unref()
    if (this.poll()) queueMicrotask(look)
  }

  close(): void {
    this.#write()
    this.#end()
    if (this.#socket.destroyed) return
    this.#socket.end()
    // A peer that reads nothing must not keep it.
    setTimeout(() => this.#socket.destroy(), 1000).unref()
  }

  destroy(error?: Error): void {
    this.error ??= error
    this.#end()
    this.#socket.destroy()
  }

  #read(come: Buffer): void {
    const bytes = this.#rest === undefined ? come : Buffer.concat([this.#rest, come])
    this.#rest = undefined
    let at = 0
    try {
      while (at < bytes.length) {
        const { used, frame } = this.#reader.take(at === 0 ? bytes : bytes.subarray(at))
        at += used
        if (frame === undefined) continue
        this.#received.push(frame)
        this.#untaken += frame.length
        if (this.#isHandshake && at < bytes.length) {
          this.#rest = bytes.subarray(at)
          break
        }
      }
    } catch (error) {
      return this.destroy(error as Error)
    }
    if (this.#untaken > MOST_UNTAKEN_BYTES) this.#socket.pause()
    this.#look?.()
  }

  #write(): void {
    if (this.#out.length === 0) return
    const [parts, bytes, sent] = [this.#out, this.#outBytes, this.#sent.splice(0)]
    this.#out = []
    this.#outBytes = 0
    const payload = bytes - 4 * (parts.length / 2)
    this.#socket.write(Buffer.concat(parts, bytes), (error) => {
      this.unsent -= payload
      for (const told of sent) told(!error)
    })
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    for (const told of this.#sent.splice(0)) told(false)
    this.#look?.()
  }
}
