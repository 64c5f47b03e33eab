import { EOFError, MultiprocError, type Channel } from '@multiproc/core'

/** A two-way stream of frames, each whole and in order. */
export interface Carrier {
  /** Bytes that wait for room. */
  readonly unsent: number
  /** Takes a frame, and copies it. `sent` is told once it is on its way, or that it never will be. @throws EOFError if nobody can read it. */
  send(frame: Uint8Array, sent?: (arrives: boolean) => void): void
  /** Blocks until nothing is unsent, where that can be waited for. */
  flushSync(): void
  /** The next frame; 'end' when the other side is over and all was read. */
  take(): Buffer | 'end' | undefined
  /** Looks for a frame for some microseconds, if that can be worth it. */
  spin(): boolean
  /** Whether there is a frame, or the end; waits for it, blocking. */
  poll(timeout: number): boolean
  /** Calls `look` when something may have come, or the other side is over; it must then take all there is, now or later. */
  listen(look: () => void): void
  close(): void
}

/**
 * A two-way stream of frames, over a channel: what is sent goes at once, or as soon as there is room, in order. What comes is
 * taken by whoever listens. Sending keeps the event loop alive while something is unsent, listening never does.
 */
export class ChannelCarrier implements Carrier {
  readonly channel: Channel
  unsent = 0
  readonly #stopped: (() => void)[] = []

  constructor(channel: Channel) {
    this.channel = channel
  }

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

  flushSync(): void {
    if (this.unsent === 0 || this.channel.closed) return
    try {
      // A frame of no records, behind all others.
      this.channel.sendBytesSync(new Uint8Array())
    } catch (error) {
      if (!(error instanceof EOFError)) throw error
    }
  }

  take(): Buffer | 'end' | undefined {
    if (this.channel.closed) return 'end'
    try {
      return this.channel.tryRecvBytes()
    } catch (error) {
      if (isEnd(error)) return 'end'
      throw error
    }
  }

  spin(): boolean {
    return !this.channel.closed && this.channel.spin()
  }

  poll(timeout: number): boolean {
    return this.channel.closed || this.channel.pollSync({ timeout })
  }

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
