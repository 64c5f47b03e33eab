import type { PendingTurn, Turn } from '@multiproc/core'
import type { SharedBlock } from './shared-block.ts'

/** A turn for `wait()`, which knows nothing of handles: keeps the block until it has left, and ends when its handle is closed. */
export class HeldTurn implements Turn {
  readonly #turn: Turn
  readonly #block: SharedBlock
  readonly #checkOpen: () => void
  readonly #closing: AbortSignal
  #isHeld = false
  readonly #closed = (): void => this.#pending?.look()
  #pending: PendingTurn | undefined

  constructor(turn: Turn, block: SharedBlock, closing: AbortSignal, checkOpen: () => void) {
    this.#turn = turn
    this.#block = block
    this.#closing = closing
    this.#checkOpen = checkOpen
  }

  get watched(): readonly number[] {
    return this.#block.home.reached(this.#turn.watched)
  }

  get untilMs(): number {
    return this.#turn.untilMs
  }

  attach(pending: PendingTurn): void {
    this.#pending = pending
    this.#closing.addEventListener('abort', this.#closed, { once: true })
  }

  look(): boolean {
    this.#checkOpen()
    if (!this.#isHeld) {
      this.#block.retain()
      this.#isHeld = true
    }
    if (!this.#turn.look()) return false
    this.#end()
    return true
  }

  leave(): void {
    if (!this.#isHeld) return
    this.#turn.leave()
    this.#end()
  }

  pass(): void {
    this.#turn.pass()
  }

  #end(): void {
    this.#closing.removeEventListener('abort', this.#closed)
    this.#pending = undefined
    this.#isHeld = false
    this.#block.release()
  }
}
