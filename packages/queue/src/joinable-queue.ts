import { checkSyncWaitOptions, checkWaitOptions, closedError, deadlineAfter, MultiprocError, registerHandle, waitAsync, waitSync } from '@multiproc/core'
import type { SyncWaitOptions, WaitOptions } from '@multiproc/core'
import { createShared, type QueueOptions } from './options.ts'
import { Queue, sharedOf } from './queue.ts'
import { STORE_VERSION } from './store/layout.ts'
import { SharedQueue } from './store/shared-queue.ts'

/**
 * A Queue whose producers can wait until every item was dealt with: each `get` owes a `taskDone()`.
 *
 * @remarks
 * What a killed consumer owes is settled and counted in `lost`, so `join` always ends. Items of `lease()` are settled by
 * the lease's `done()` instead. Owing keeps the items' memory. Python: `multiprocessing.JoinableQueue`.
 *
 * @example
 * const queue = new JoinableQueue<number>()
 * await queue.put(1)
 * await queue.get()
 * queue.taskDone()
 * await queue.join() // => true
 */
export class JoinableQueue<T = unknown> extends Queue<T> {
  /** @param options - as for Queue. @throws as `new Queue()`. */
  constructor(options?: number | QueueOptions) {
    super((options instanceof SharedQueue ? options : createShared('new JoinableQueue()', options, true)) as never)
  }

  /**
   * Says that an item is dealt with: the oldest that this thread got, or that anybody got if this thread owes none.
   *
   * @throws ERR_MULTIPROC_NOT_OWNER when nobody owes any; ERR_MULTIPROC_CLOSED. Python: `JoinableQueue.task_done`.
   */
  taskDone(): void {
    const call = 'queue.taskDone()'
    this.#checkOpen(call)
    if (sharedOf(this).taskDone()) return
    throw new MultiprocError('ERR_MULTIPROC_NOT_OWNER', `${call} failed: nobody got an item that is not done yet. Call it once for each get().`)
  }

  /**
   * Waits until every item that was put is done, or lost.
   *
   * @returns true: it is so; false: the time ran out.
   * @throws AbortError; ERR_MULTIPROC_CLOSED. Python: `JoinableQueue.join`, without a timeout there.
   */
  async join(options?: WaitOptions): Promise<boolean> {
    const call = 'queue.join()'
    const wait = checkWaitOptions(call, options)
    this.#checkOpen(call)
    const queue = sharedOf(this)
    const done = queue.duringAsync(() => waitAsync(queue.thread, queue.joiners, this.#look(call, queue), () => queue.debtors(), wait))
    return (await done) ?? false
  }

  /** `join`, blocking the thread instead. */
  joinSync(options?: SyncWaitOptions): boolean {
    const call = 'queue.joinSync()'
    const { timeout } = checkSyncWaitOptions(call, options)
    this.#checkOpen(call)
    const queue = sharedOf(this)
    return waitSync(queue.thread, queue.joiners, this.#look(call, queue), () => queue.debtors(), deadlineAfter(queue.thread, timeout)) ?? false
  }

  /** Items that will never be done: owed by consumers that died, or given up after three consumers died with them. */
  get lost(): number {
    this.#checkOpen('queue.lost')
    const queue = sharedOf(this)
    void queue.isAllDone
    return queue.store.lost
  }

  #look(call: string, queue: SharedQueue): () => true | undefined {
    return () => {
      this.#checkOpen(call)
      return queue.isAllDone || undefined
    }
  }

  #checkOpen(call: string): void {
    if (this.closed) throw closedError(call)
  }

  static {
    registerHandle<JoinableQueue<unknown>>({
      class: JoinableQueue,
      name: 'queue.JoinableQueue',
      package: '@multiproc/queue',
      version: String(STORE_VERSION),
      module: import.meta.url,
      reduce: (handle) => ({ handle: sharedOf(handle).place, holders: sharedOf(handle).holders }),
      revive: (place) => new JoinableQueue(SharedQueue.attach(place) as never),
    })
  }
}
