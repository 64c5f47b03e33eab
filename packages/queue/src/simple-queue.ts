import { registerHandle } from '@multiproc/core'
import { Queue, sharedOf } from './queue.ts'
import { STORE_VERSION } from './store/layout.ts'
import { SharedQueue } from './store/shared-queue.ts'

/**
 * A Queue without limits, timeouts and the rest: `put` and `get`. Python: `multiprocessing.SimpleQueue`.
 *
 * @example
 * const queue = new SimpleQueue<number>()
 * await queue.put(1)
 * await queue.get() // => 1
 */
export class SimpleQueue<T = unknown> implements Disposable {
  readonly #queue: Queue<T>

  /** @throws as `new Queue()`. */
  constructor(received?: never) {
    this.#queue = new Queue<T>(received)
  }

  get closed(): boolean {
    return this.#queue.closed
  }

  /** Puts an item at the end. @throws as `Queue.put`. */
  put(value: T): Promise<void> {
    return this.#queue.put(value)
  }

  /** Removes the oldest item, waiting for one. @throws as `Queue.get`. */
  get(): Promise<T> {
    return this.#queue.get()
  }

  putSync(value: T): void {
    this.#queue.putSync(value)
  }

  getSync(): T {
    return this.#queue.getSync()
  }

  /** Exact at the moment of the call. */
  empty(): boolean {
    return this.#queue.empty()
  }

  close(): void {
    this.#queue.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  static {
    registerHandle<SimpleQueue<unknown>>({
      class: SimpleQueue,
      name: 'queue.SimpleQueue',
      package: '@multiproc/queue',
      version: String(STORE_VERSION),
      module: import.meta.url,
      reduce: (handle) => ({ handle: sharedOf(handle.#queue).place, holders: sharedOf(handle.#queue).holders }),
      revive: (place) => new SimpleQueue(SharedQueue.attach(place) as never),
    })
  }
}
