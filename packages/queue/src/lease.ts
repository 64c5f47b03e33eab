import { MultiprocError } from '@multiproc/core'
import type { SharedQueue } from './store/shared-queue.ts'
import type { Taken } from './store/store.ts'

interface Held {
  readonly queue: SharedQueue
  readonly taken: Taken
  isOpen: boolean
}

/**
 * An item on approval, made by `queue.lease()`. Ends by `done()` or `retry()`, once.
 *
 * @remarks Belongs to the thread that took it, and works after its Queue handle was closed. An item that is retried keeps
 * its place in front of newer ones. After three consumers died with it, it is given up, as with `get`.
 */
export class Lease<T = unknown> {
  readonly item: T
  /** 1 for the first time; one more for each time the item came back, by `retry()` or a death. */
  readonly attempt: number
  readonly #held: Held

  /** Leases are made by `queue.lease()`. */
  constructor(queue: SharedQueue, item: T, taken: Taken) {
    this.item = item
    this.attempt = taken.attempt + 1
    this.#held = { queue, taken, isOpen: true }
    queue.retain()
    forgotten.register(this, this.#held, this)
  }

  /** The item is dealt with, and gone. In a JoinableQueue this is its `taskDone`. @throws ERR_MULTIPROC_NOT_OWNER if the lease has ended. */
  done(): void {
    const { queue, taken } = this.#end('lease.done()')
    queue.finish(taken, true)
    queue.release()
  }

  /** Gives the item back, to its old place. @throws ERR_MULTIPROC_NOT_OWNER if the lease has ended. */
  retry(): void {
    giveBack(this.#end('lease.retry()'))
  }

  #end(call: string): Held {
    if (!this.#held.isOpen) {
      throw new MultiprocError('ERR_MULTIPROC_NOT_OWNER', `${call} failed: this lease has ended by done() or retry() before. Call one of them, once.`)
    }
    this.#held.isOpen = false
    forgotten.unregister(this)
    return this.#held
  }
}

const forgotten = new FinalizationRegistry<Held>(giveBack)

function giveBack({ queue, taken }: Held): void {
  queue.giveBack(taken)
  queue.release()
}
