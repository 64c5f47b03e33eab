import { argumentType, argumentValue, checkOptions, Empty, Full, MultiprocError, ShutDown, untilEnd } from '@multiproc/core'
import type { WaitOptions } from '@multiproc/core'
import { call, ManagedProxy } from '../proxy.ts'
import { builtin } from './managed-type.ts'
import type { CallContext } from './managed-type.ts'
import { callWaiting } from './wait-arguments.ts'
import type { ResultsOfWaits } from './wait-arguments.ts'
import { WaitingLine } from './waiting-line.ts'

interface Timeout {
  readonly timeout?: number | undefined
}

/** A queue in the server. */
class QueueState {
  readonly #items: unknown[] = []
  #head = 0
  readonly maxSize: number
  #isShutDown = false
  readonly #gets = new WaitingLine()
  readonly #puts = new WaitingLine()
  readonly #joins = new WaitingLine()
  /** Items put and not done yet; a JoinableQueue's. */
  #undone = 0
  /** Who got how many that are not done. */
  readonly #owed = new Map<object, number>()
  lost = 0

  constructor(maxSize: unknown = 0) {
    if (typeof maxSize !== 'number') throw argumentType('manager.queue(): maxSize', 'a number', maxSize)
    if (!Number.isInteger(maxSize)) throw argumentValue('manager.queue(): maxSize', 'a whole number', maxSize)
    this.maxSize = Math.max(0, maxSize)
  }

  get size(): number {
    return this.#items.length - this.#head
  }

  get isFull(): boolean {
    return this.maxSize > 0 && this.size >= this.maxSize
  }

  put(context: CallContext, value: unknown, { timeout }: Timeout = {}): unknown {
    return this.#puts.wait('queue.put()', context, timeout, () => {
      if (this.#isShutDown) throw new ShutDown('queue.put() failed: the queue was shut down. Catch ShutDown.')
      if (this.isFull) return undefined
      this.#items.push(value)
      this.#undone++
      this.#gets.serve()
      return true
    })
  }

  get(context: CallContext, { timeout }: Timeout = {}): unknown {
    return this.#gets.wait('queue.get()', context, timeout, () => {
      if (this.size === 0) {
        if (this.#isShutDown) throw new ShutDown('queue.get() failed: the queue was shut down and is drained. Catch ShutDown, or use `for await`.')
        return undefined
      }
      const value = this.#items[this.#head]
      this.#items[this.#head++] = undefined
      if (this.#head > 1000 && this.#head * 2 > this.#items.length) {
        this.#items.splice(0, this.#head)
        this.#head = 0
      }
      this.#owed.set(context.client, (this.#owed.get(context.client) ?? 0) + 1)
      this.#puts.serve()
      return { value }
    })
  }

  taskDone({ client }: CallContext): void {
    const debtor = this.#owed.has(client) ? client : this.#owed.keys().next().value
    if (debtor === undefined) throw new MultiprocError('ERR_MULTIPROC_NOT_OWNER', 'queue.taskDone() failed: nobody got an item that is not done yet. Call it once for each get().')
    this.#settle(debtor, 1)
  }

  join(context: CallContext, { timeout }: Timeout = {}): unknown {
    return this.#joins.wait('queue.join()', context, timeout, () => this.#undone === 0 || undefined)
  }

  shutdown(isImmediate: unknown): void {
    this.#isShutDown = true
    if (isImmediate === true) {
      this.#undone -= this.size
      this.#items.length = this.#head = 0
    }
    for (const line of [this.#gets, this.#puts, this.#joins]) line.serve()
  }

  clientGone(client: object): void {
    const owed = this.#owed.get(client)
    if (owed === undefined) return
    this.lost += owed
    this.#settle(client, owed)
  }

  #settle(client: object, count: number): void {
    const owed = (this.#owed.get(client) ?? 0) - count
    if (owed > 0) this.#owed.set(client, owed)
    else this.#owed.delete(client)
    this.#undone -= count
    this.#joins.serve()
  }
}

const exposed = {
  qsize: ({ size }: QueueState) => size,
  empty: ({ size }: QueueState) => size === 0,
  full: ({ isFull }: QueueState) => isFull,
  shutdown: (queue: QueueState, isImmediate: unknown) => queue.shutdown(isImmediate),
}

const waiting = {
  put: (queue: QueueState, context: CallContext, value: unknown, options?: Timeout) => queue.put(context, value, options),
  get: (queue: QueueState, context: CallContext, options?: Timeout) => queue.get(context, options),
}

const show = ({ size, maxSize }: QueueState) => ({ contents: maxSize > 0 ? { size, maxSize } : { size } })

export const queue = builtin<QueueState>({ create: (maxSize) => new QueueState(maxSize), show, exposed, waiting, clientGone: (queue, client) => queue.clientGone(client) })

export const joinableQueue = builtin<QueueState>({
  create: (maxSize) => new QueueState(maxSize),
  show,
  exposed: { ...exposed, lost: ({ lost }) => lost },
  waiting: {
    ...waiting,
    taskDone: (queue, context) => queue.taskDone(context),
    join: (queue, context, options) => queue.join(context, options),
  },
  clientGone: (queue, client) => queue.clientGone(client),
})

/**
 * A first-in, first-out queue in a manager's server. A client that is killed takes nothing more from it; an item that was on
 * its way to it goes with it. Python: `manager.Queue()`.
 */
export class QueueProxy<T = unknown> extends ManagedProxy implements AsyncIterable<T> {
  static readonly waits: ResultsOfWaits = {
    put: { at: 1, result: (done: true | undefined, options) => checkPut(done, options) },
    get: { at: 0, result: itemOf },
  }

  /** Waits while the queue is full. @throws Full after `timeout`; ShutDown; AbortError, with nothing put. */
  async put(value: T, options?: WaitOptions): Promise<void> {
    checkPut(await callWaiting(this, 'queue.put()', 'put', [value], options), options)
  }

  putNowait(value: T): Promise<void> {
    return this.put(value, { timeout: 0 })
  }

  /** Waits while the queue is empty. @throws Empty after `timeout`; ShutDown once drained; AbortError, with nothing taken. */
  async get(options?: WaitOptions): Promise<T> {
    return itemOf(await callWaiting<{ value: T } | undefined>(this, 'queue.get()', 'get', [], options))
  }

  getNowait(): Promise<T> {
    return this.get({ timeout: 0 })
  }

  qsize(): Promise<number> {
    return call(this, 'qsize', [])
  }

  empty(): Promise<boolean> {
    return call(this, 'empty', [])
  }

  full(): Promise<boolean> {
    return call(this, 'full', [])
  }

  /** Later puts throw ShutDown, gets do so once the queue is drained; `immediate`: what is in it is dropped. */
  shutdown(options?: { immediate?: boolean }): Promise<void> {
    checkOptions('queue.shutdown()', options, ['immediate'])
    return call(this, 'shutdown', [options?.immediate === true])
  }

  /** One item a turn until the queue is shut down and drained. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    return untilEnd(() => this.get(), ShutDown)
  }
}

function checkPut(done: true | undefined, options: WaitOptions | undefined): void {
  if (done === undefined) throw new Full(`queue.put() failed: the queue had no room within ${options?.timeout} ms. Take items out, or wait longer.`)
}

function itemOf<T>(found: { value: T } | undefined): T {
  if (found === undefined) throw new Empty('queue.get() failed: no item came. Wait longer, or catch Empty.')
  return found.value
}

/** A queue whose producers can wait until every item was dealt with. What dead clients owe is settled. Python: `manager.JoinableQueue()`. */
export class JoinableQueueProxy<T = unknown> extends QueueProxy<T> {
  static override readonly waits: ResultsOfWaits = { ...QueueProxy.waits, join: { at: 0, result: (done) => done === true } }

  /** Once for each `get`. @throws ERR_MULTIPROC_NOT_OWNER when nobody owes any. */
  taskDone(): Promise<void> {
    return call(this, 'taskDone', [])
  }

  /** @returns true once every item is done, or lost; false after `timeout`. */
  async join(options?: WaitOptions): Promise<boolean> {
    return (await callWaiting<true | undefined>(this, 'queue.join()', 'join', [], options)) === true
  }

  /** Items that clients owed when they died. */
  get lost(): Promise<number> {
    return call(this, 'lost', [])
  }
}
