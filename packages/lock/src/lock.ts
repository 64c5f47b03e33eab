import {
  AbandonedError, abortError, argumentType, argumentValue, checkOptions, checkSyncWaitOptions, checkWaitOptions, closedError, deadlineAfter,
  MultiprocError, registerHandle, TimeoutError, type SyncWaitOptions, type WaitOptions,
} from '@multiproc/core'
import { LockGuard } from './guard.ts'
import { LOCK_VERSION, SharedLock } from './shared-lock.ts'

export interface LockOptions {
  /** Not in this version: locks between unrelated programs. */
  readonly name?: string | undefined
  /**
   * What the first acquire after a holder's death does: `'take'` (default) gets the lock, with a warning and `abandoned`
   * set; `'throw'` throws `AbandonedError`, and nobody holds the lock.
   */
  readonly onAbandoned?: 'take' | 'throw' | undefined
}

/**
 * A lock between threads and processes. Pass it in `args`, through a pipe or queue, or capture it: every copy is the same
 * lock. It is held by a thread, not by a task: any code of that thread sees it held, and may release it.
 *
 * @remarks
 * A holder that is killed hands it to the next waiter as soon as the kernel reports the death; one that is stopped
 * (SIGSTOP) is never robbed. Waiters are served roughly in the order they came, in event loops and blocked threads alike;
 * one whose event loop is busy or blocked is passed over. More than 64 waiting threads wait without a place in line.
 * Python: `multiprocessing.Lock`; there any process may release it, here only its holder (use `Semaphore(1)` for hand-overs).
 *
 * @example
 * const lock = new Lock()
 * new Process({ target: (lock: Lock) => lock.runExclusive(update), args: [lock] }).start()
 * if (lock.acquireSync({ timeout: 1000 })) lock.release()
 */
export class Lock implements Disposable {
  readonly #lock: SharedLock
  #closed = false
  /** Made by the first wait: aborts what is pending when this handle is closed. */
  #closing: AbortController | undefined

  /**
   * @throws ERR_MULTIPROC_ARG_TYPE, ERR_MULTIPROC_ARG_VALUE, ERR_MULTIPROC_UNKNOWN_OPTION; ERR_MULTIPROC_UNSUPPORTED for
   * `name`, and where there is no shared memory; ERR_MULTIPROC_NO_MEMORY.
   */
  constructor(options?: LockOptions) {
    this.#lock = options instanceof SharedLock ? options : create(options)
    this.#lock.retain()
    collected.register(this, this.#lock, this)
  }

  /**
   * Waits until nobody else holds the lock, and takes it.
   *
   * @param options.timeout - milliseconds; 0 tries once; none waits for ever.
   * @param options.signal - aborting while waiting takes nothing (cancel safe).
   * @returns true once this thread holds it; false after `timeout`. Acquires of one thread are served in the order of the calls.
   * @throws AbandonedError with `onAbandoned: 'throw'`; ERR_MULTIPROC_CLOSED, also when this handle is closed meanwhile; AbortError.
   * Python: `Lock.acquire(block, timeout)`, seconds there.
   */
  async acquire(options?: WaitOptions): Promise<boolean> {
    return this.#acquire('lock.acquire()', options)
  }

  /**
   * `acquire`, blocking the thread instead: asleep, not polling.
   *
   * @throws ERR_MULTIPROC_DEADLOCK without `timeout` if this thread holds the lock already: it would wait for itself.
   */
  acquireSync(options?: SyncWaitOptions): boolean {
    return this.#acquireSync('lock.acquireSync()', options)
  }

  /** Takes the lock if nobody holds it. Never waits. @throws AbandonedError, ERR_MULTIPROC_CLOSED. */
  tryAcquire(): boolean {
    const call = 'lock.tryAcquire()'
    this.#checkOpen(call)
    return this.#lock.mutex.tryAcquire() && this.#taken(call)
  }

  /** Gives the lock to the next. @throws ERR_MULTIPROC_NOT_OWNER if this thread does not hold it; ERR_MULTIPROC_CLOSED. */
  release(): void {
    this.#checkOpen('lock.release()')
    this.#lock.mutex.release()
  }

  /** True while somebody holds the lock, a dead holder that nobody replaced yet included. */
  locked(): boolean {
    this.#checkOpen('lock.locked()')
    return this.#lock.mutex.ownerId() !== 0
  }

  /** While this thread holds the lock: whether the holder before it died holding it. Else: whether its holder is dead. */
  get abandoned(): boolean {
    this.#checkOpen('lock.abandoned')
    const { mutex, thread } = this.#lock
    const owner = mutex.ownerId()
    return owner === thread.id ? mutex.abandoned : owner !== 0 && thread.isDead(owner)
  }

  get closed(): boolean {
    return this.#closed
  }

  /** `acquire` as a resource: `using guard = await lock.hold()`. @throws TimeoutError after `timeout`; else as `acquire`. */
  async hold(options?: WaitOptions): Promise<LockGuard> {
    const call = 'lock.hold()'
    if (!(await this.#acquire(call, options))) throw timeoutError(call, options)
    return this.#guard()
  }

  /** `hold`, blocking the thread instead. @throws as `acquireSync`; TimeoutError. */
  holdSync(options?: SyncWaitOptions): LockGuard {
    const call = 'lock.holdSync()'
    if (!this.#acquireSync(call, options)) throw timeoutError(call, options)
    return this.#guard()
  }

  /**
   * Runs `fn` while holding the lock, and releases it when `fn` has returned, thrown or settled.
   *
   * @returns what `fn` returned. @throws what `fn` throws; as `hold`, before `fn` was called.
   */
  async runExclusive<R>(fn: (guard: LockGuard) => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    const call = 'lock.runExclusive()'
    if (typeof fn !== 'function') throw argumentType(`${call}: fn`, 'a function', fn)
    if (!(await this.#acquire(call, options))) throw timeoutError(call, options)
    const guard = this.#guard()
    try {
      return await fn(guard)
    } finally {
      guard.release()
    }
  }

  /** `runExclusive`, blocking the thread while it waits. A promise that `fn` returns is not awaited: the lock is released at once. */
  runExclusiveSync<R>(fn: (guard: LockGuard) => R, options?: SyncWaitOptions): R {
    const call = 'lock.runExclusiveSync()'
    if (typeof fn !== 'function') throw argumentType(`${call}: fn`, 'a function', fn)
    if (!this.#acquireSync(call, options)) throw timeoutError(call, options)
    const guard = this.#guard()
    try {
      return fn(guard)
    } finally {
      guard.release()
    }
  }

  /**
   * Gives this handle up; its pending acquires reject with ERR_MULTIPROC_CLOSED. With the last handle of a thread that holds
   * the lock, the lock is released. Other handles go on. Closing twice is harmless.
   */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    collected.unregister(this)
    // First, and synchronously: who waits leaves the line before its memory may go.
    this.#closing?.abort()
    this.#lock.release()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  async #acquire(call: string, options: WaitOptions | undefined): Promise<boolean> {
    const { timeout, signal } = checkWaitOptions(call, options)
    this.#checkOpen(call)
    if (signal?.aborted) throw abortError(signal)
    const { mutex } = this.#lock
    if (mutex.isQueueEmpty && mutex.tryAcquire()) return this.#taken(call)
    if (timeout === 0) return false
    const closing = (this.#closing ??= new AbortController()).signal
    try {
      return (await mutex.acquire({ timeout, signal: signal ? AbortSignal.any([signal, closing]) : closing })) && this.#taken(call)
    } catch (error) {
      throw this.#closed && !signal?.aborted ? closedError(`\`${call}\``) : error
    }
  }

  #acquireSync(call: string, options: SyncWaitOptions | undefined): boolean {
    const { timeout } = checkSyncWaitOptions(call, options)
    this.#checkOpen(call)
    const { mutex, thread } = this.#lock
    if (mutex.tryAcquire()) return this.#taken(call)
    if (timeout === 0) return false
    if (timeout === undefined && mutex.mine) {
      throw new MultiprocError('ERR_MULTIPROC_DEADLOCK', `\`${call}\` failed: this thread holds the lock already, and would wait for itself. Release it first, await \`acquire()\`, or pass a timeout.`)
    }
    return mutex.acquireSync(deadlineAfter(thread, timeout)) && this.#taken(call)
  }

  /** The lock is ours: tells of a dead holder, by warning or by error. */
  #taken(call: string): true {
    const { mutex, throwsWhenAbandoned } = this.#lock
    if (!mutex.abandoned) return true
    if (throwsWhenAbandoned) {
      mutex.release()
      throw new AbandonedError(`\`${call}\` failed: the holder of this lock died while holding it. Repair what it protects, then acquire again: nobody holds it now.`)
    }
    process.emitWarning('The last holder of a lock died while holding it: what it protects may be half done. Look at `abandoned`.', { code: 'MULTIPROC_ABANDONED' })
    return true
  }

  #guard(): LockGuard {
    const { mutex } = this.#lock
    return new LockGuard(mutex.abandoned, () => mutex.release())
  }

  #checkOpen(call: string): void {
    if (this.#closed) throw closedError(`\`${call}\``)
  }

  static {
    registerHandle<Lock>({
      class: Lock,
      name: 'lock.Lock',
      package: '@multiproc/lock',
      version: LOCK_VERSION,
      module: import.meta.url,
      reduce: (handle) => ({ handle: handle.#lock.place, holders: handle.#lock.holders }),
      revive: (place) => new Lock(SharedLock.attach(place) as never),
    })
  }
}

const collected = new FinalizationRegistry<SharedLock>((lock) => lock.dropped())

function create(options: LockOptions | undefined): SharedLock {
  const call = 'new Lock()'
  checkOptions(call, options, ['name', 'onAbandoned'])
  if (options?.name !== undefined) {
    throw new MultiprocError('ERR_MULTIPROC_UNSUPPORTED', `\`${call}\` failed: named locks are not in this version. Pass the lock itself to the processes that share it.`)
  }
  const onAbandoned = options?.onAbandoned ?? 'take'
  if (onAbandoned !== 'take' && onAbandoned !== 'throw') throw argumentValue(`${call}: options.onAbandoned`, "'take' or 'throw'", onAbandoned)
  return SharedLock.create(onAbandoned === 'throw')
}

function timeoutError(call: string, options: SyncWaitOptions | undefined): TimeoutError {
  return new TimeoutError(`\`${call}\` failed: the lock was not free within ${options?.timeout} ms. Wait longer, or catch TimeoutError.`)
}
