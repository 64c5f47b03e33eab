import { ConditionTurn, type WaitKind } from '@multiproc/core'
import type { SharedQueue } from './store/shared-queue.ts'

/** A place among the getters for `wait()`: ready when `get` would not wait. The queue's memory stays until it has left. */
export class QueueTurn extends ConditionTurn<true> {
  readonly #queue: SharedQueue
  #isHeld = false

  constructor(queue: SharedQueue, kind: WaitKind, checkOpen: () => void) {
    const look = (): true | undefined => {
      checkOpen()
      return queue.isReady || undefined
    }
    super(queue.thread, queue.getters, kind, look, () => queue.takers())
    this.#queue = queue
  }

  override look(): boolean {
    if (!this.#isHeld) {
      this.#queue.retain()
      this.#isHeld = true
    }
    return super.look()
  }

  override leave(): void {
    super.leave()
    if (!this.#isHeld) return
    this.#isHeld = false
    this.#queue.release()
  }
}
