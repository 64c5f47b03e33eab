import { EOFError, MultiprocError, type Channel } from '@multiproc/core'

/**
 * A two-way stream of frames, over a channel: what is sent goes at once, or as soon as there is room, in order. What comes is
 * taken by whoever listens. Sending keeps the event loop alive while something is unsent, listening never does.
 */
export class Carrier {
  readonly channel: Channel
  /** Bytes that wait for room. */
  unsent = 0
  readonly #stopped: (() => void)[] = []

  constructor(channel: Channel) {
    this.channel = channel
  }

  /** `sent` is told once it is in the channel, or that it never will be. @throws EOFError if nobody can read it. */
  send(frame: Uint8Array, sent?: (arrives: boolean) => void): void {
    if (this.channel.trySendBytes(frame)) return sent?.(true)
    this.unsent += frame.length
    this.channel.sendBytes(frame).then(
      () => {
        this.unsent -= frame.length
        sent?.(true)
      },
      () => sent?.(false),
    )
  }

  /** Blocks until nothing is unsent. */
  flushSync(): void {
    if (this.unsent === 0 || this.channel.closed) return
    try {
      // A frame of no records, behind all others.
      this.channel.sendBytesSync(new Uint8Array())
    } catch (error) {
      if (!(error instanceof EOFError)) throw error
    }
  }

  /** The next frame; 'end' when the other side is over and all was read. */
  take(): Buffer | 'end' | undefined {
    if (this.channel.closed) return 'end'
    try {
      return this.channel.tryRecvBytes()
    } catch (error) {
      if (isEnd(error)) return 'end'
      throw error
    }
  }

  /** Calls `look` when something may have come, or the other side is over; it must then take all there is, now or later. */
  listen(look: () => void): void {
    this.#stopped.push(this.channel.listen(look))
  }

  close(): void {
    for (const stop of this.#stopped.splice(0)) stop()
    this.channel.close()
  }
}

/** However a stream ends, a connection that was reset included. */
function isEnd(error: unknown): boolean {
  return error instanceof EOFError || (error instanceof MultiprocError && error.code !== 'ERR_MULTIPROC_BAD_FRAME')
}
