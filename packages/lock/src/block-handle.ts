import { abortError, closedError, type Turn, type WaitOptions } from '@multiproc/core'
import { HeldTurn } from './held-turn.ts'
import type { SharedBlock } from './shared-block.ts'

/** How the other files of this package get at a handle's block: not for programs. */
export const BLOCK = Symbol('multiproc.lock.block')

/** What all handles of this package have in common: an end. */
export abstract class BlockHandle<B extends SharedBlock> implements Disposable {
  readonly #block: B
  #closed = false
  /** Made by the first wait: aborts what is pending when this handle is closed. */
  #closing: AbortController | undefined

  constructor(block: B) {
    this.#block = block
    block.retain()
    collected.register(this, block, this)
  }

  /** @internal */
  get [BLOCK](): B {
    return this.#block
  }

  get closed(): boolean {
    return this.#closed
  }

  /**
   * Gives this handle up; its pending waits reject with ERR_MULTIPROC_CLOSED. With the last handle of a thread, what that
   * thread holds is released. Other handles go on. Closing twice is harmless.
   */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    collected.unregister(this)
    // First, and synchronously: who waits leaves the line before its memory may go.
    this.#closing?.abort()
    this.#block.release()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** @internal Throws ERR_MULTIPROC_CLOSED after `close()`. */
  protected checkOpen(call: string): void {
    if (this.#closed) throw closedError(`\`${call}\``)
  }

  /** @internal One async wait that also ends when this handle is closed. */
  protected async untilClosed<T>(call: string, { timeout, signal }: WaitOptions, wait: (options: WaitOptions) => Promise<T>): Promise<T> {
    this.checkOpen(call)
    if (signal?.aborted) throw abortError(signal)
    const closing = this.#closes()
    try {
      return await wait({ timeout, signal: signal ? AbortSignal.any([signal, closing]) : closing })
    } catch (error) {
      throw closing.aborted && !signal?.aborted ? closedError(`\`${call}\``) : error
    }
  }

  /** @internal A turn for `wait()`, which also ends when this handle is closed. */
  protected waitable(call: string, turn: Turn): Turn {
    const checkOpen = (): void => {
      if (this.#closed) throw closedError(call)
    }
    checkOpen()
    return new HeldTurn(turn, this.#block, this.#closes(), checkOpen)
  }

  #closes(): AbortSignal {
    return (this.#closing ??= new AbortController()).signal
  }
}

const collected = new FinalizationRegistry<SharedBlock>((block) => block.dropped())
