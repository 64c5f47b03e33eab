import {
  abortError, argumentType, argumentValue, checkSyncWaitOptions, checkWaitOptions, deadlineAfter,
  MultiprocError, registerHandle, TimeoutError, type SyncWaitOptions, type WaitOptions,
} from '@multiproc/core'
import { BLOCK, BlockHandle } from './block-handle.ts'
import { LockGuard } from './guard.ts'
import { checkNames } from './names.ts'
import { LOCK_VERSION, SharedBlock, type BlockKind, type NameOptions } from './shared-block.ts'
import { LOCK, SharedLock, TAKES, THROWS } from './shared-lock.ts'

export interface LockOptions extends NameOptions {
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
export class Lock extends BlockHandle<SharedLock> {
  /**
   * @throws ERR_MULTIPROC_ARG_TYPE, ERR_MULTIPROC_ARG_VALUE, ERR_MULTIPROC_UNKNOWN_OPTION; ERR_MULTIPROC_UNSUPPORTED where there is
   * no shared memory; ERR_MULTIPROC_NO_MEMORY. With a name: ERR_MULTIPROC_EXISTS, ERR_MULTIPROC_NOT_FOUND, ERR_MULTIPROC_LAYOUT,
   * ERR_MULTIPROC_FOREIGN, ERR_MULTIPROC_TIMEOUT (somebody was stopped while opening one).
   */
  constructor(options?: LockOptions) {
    super(options instanceof SharedLock ? options : createLock(LOCK, 'new Lock()', options))
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
    this.checkOpen(call)
    const lock = this[BLOCK]
    return lock.mutex.tryAcquire() && lock.taken(call)
  }

  /** Gives the lock to the next. @throws ERR_MULTIPROC_NOT_OWNER if this thread does not hold it; ERR_MULTIPROC_CLOSED. */
  release(): void {
    this.checkOpen('lock.release()')
    this[BLOCK].mutex.release()
  }

  /** True while somebody holds the lock, a dead holder that nobody replaced yet included. */
  locked(): boolean {
    this.checkOpen('lock.locked()')
    return this[BLOCK].mutex.ownerId() !== 0
  }

  /** While this thread holds the lock: whether the holder before it died holding it. Else: whether its holder is dead. */
  get abandoned(): boolean {
    this.checkOpen('lock.abandoned')
    const { mutex, thread } = this[BLOCK]
    const owner = mutex.ownerId()
    return owner === thread.id ? mutex.abandoned : owner !== 0 && thread.isDead(owner)
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

  async #acquire(call: string, options: WaitOptions | undefined): Promise<boolean> {
    const { timeout, signal } = checkWaitOptions(call, options)
    this.checkOpen(call)
    if (signal?.aborted) throw abortError(signal)
    const lock = this[BLOCK]
    const { mutex } = lock
    if (mutex.isQueueEmpty && mutex.tryAcquire()) return lock.taken(call)
    if (timeout === 0) return false
    const taken = await this.untilClosed(call, { timeout, signal }, (ends) => mutex.acquire(ends))
    // Closed between the taking and this turn: with other handles of this thread open, nobody would release it.
    if (taken && this.closed && lock.isJoined && mutex.mine) mutex.release()
    this.checkOpen(call)
    return taken && lock.taken(call)
  }

  #acquireSync(call: string, options: SyncWaitOptions | undefined): boolean {
    const { timeout } = checkSyncWaitOptions(call, options)
    this.checkOpen(call)
    const lock = this[BLOCK]
    const { mutex, thread } = lock
    if (mutex.tryAcquire()) return lock.taken(call)
    if (timeout === 0) return false
    if (timeout === undefined && mutex.mine) throw selfDeadlock(call)
    return mutex.acquireSync(deadlineAfter(thread, timeout)) && lock.taken(call)
  }

  #guard(): LockGuard {
    const lock = this[BLOCK]
    return new LockGuard(lock.mutex.abandoned, () => {
      // Closing the last handle released it.
      if (lock.isJoined) lock.mutex.release()
    })
  }

  static {
    registerHandle<Lock>({
      class: Lock,
      name: 'lock.Lock',
      package: '@multiproc/lock',
      version: LOCK_VERSION,
      module: import.meta.url,
      reduce: (handle) => handle[BLOCK].sent(),
      revive: ({ extra, ...place }) => new Lock(SharedBlock.received(SharedLock, LOCK, place, extra) as never),
    })
  }
}

export function createLock(kind: BlockKind, call: string, options: LockOptions | undefined): SharedLock {
  checkNames(call, options, ['onAbandoned'])
  const { onAbandoned } = options ?? {}
  if (onAbandoned !== undefined && onAbandoned !== 'take' && onAbandoned !== 'throw') throw argumentValue(`${call}: options.onAbandoned`, "'take' or 'throw'", onAbandoned)
  return SharedBlock.make(SharedLock, kind, call, [onAbandoned && (onAbandoned === 'throw' ? THROWS : TAKES)], options)
}

export function timeoutError(call: string, options: SyncWaitOptions | undefined): TimeoutError {
  return new TimeoutError(`\`${call}\` failed: the lock was not free within ${options?.timeout} ms. Wait longer, or catch TimeoutError.`)
}

export function selfDeadlock(call: string): MultiprocError {
  return new MultiprocError('ERR_MULTIPROC_DEADLOCK', `\`${call}\` failed: this thread holds the lock already, and would wait for itself. Release it first, await \`acquire()\`, or pass a timeout.`)
}
