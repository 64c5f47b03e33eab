import { AsyncLocalStorage } from 'node:async_hooks'
import { argumentType, checkSyncWaitOptions, checkWaitOptions, deadlineAfter, MultiprocError, registerHandle, type SyncWaitOptions, type WaitOptions } from '@multiproc/core'
import { BLOCK } from './block-handle.ts'
import { LockGuard } from './guard.ts'
import { createLock, Lock, selfDeadlock, timeoutError, type LockOptions } from './lock.ts'
import { LOCK_VERSION, SharedBlock } from './shared-block.ts'
import { RLOCK, SharedLock } from './shared-lock.ts'

/** The owner of a lock that `acquireSync` or `tryAcquire` took: all code of the thread. */
const THREAD = {}

/** One `runExclusive` under way: what runs in it, and in what it awaits or starts, may enter again while it holds the lock. */
interface Frame {
  readonly parent: Frame | undefined
}
const frames = new AsyncLocalStorage<Frame>()

/**
 * A lock that its holder may take again: it is free when it was released as often. Python: `multiprocessing.RLock`.
 *
 * @remarks
 * Who holds it: after `acquireSync`, `tryAcquire`, `holdSync` and in `runExclusiveSync` the thread, so any synchronous form
 * enters again. In `runExclusive` the *async context*: what the function calls, awaits and starts enters again, in every
 * form, while other tasks of the same thread wait like another process. `hold()` enters again inside `runExclusive`;
 * elsewhere it takes the lock for its guard alone, since a context that began in the middle of a function would leak into
 * its caller, and let that in, too. A bare `acquire()` is refused for the same reason.
 *
 * @example
 * const lock = new RLock()
 * await lock.runExclusive(() => lock.runExclusive(() => update())) // with Lock: waits for ever
 */
export class RLock extends Lock {
  /** @throws as `new Lock()`. */
  constructor(options?: LockOptions) {
    super((options instanceof SharedLock ? options : createLock(RLOCK, 'new RLock()', options)) as never)
  }

  /** Always rejects: nothing would tell whose the lock is. Use `runExclusive()`, `hold()` or `acquireSync()`. */
  override async acquire(_options?: WaitOptions): Promise<boolean> {
    throw Object.assign(new TypeError('`rlock.acquire()` failed: an async acquire could not tell which task holds the lock. Use runExclusive(), hold() or acquireSync().'), {
      code: 'ERR_MULTIPROC_UNSUPPORTED',
    })
  }

  override acquireSync(options?: SyncWaitOptions): boolean {
    return this.#enterSync('rlock.acquireSync()', options)
  }

  override tryAcquire(): boolean {
    return this.#enterSync('rlock.tryAcquire()', { timeout: 0 })
  }

  /** Undoes one acquire. @throws ERR_MULTIPROC_NOT_OWNER if this thread, or another task of it, does not hold the lock; ERR_MULTIPROC_CLOSED. */
  override release(): void {
    this.checkOpen('rlock.release()')
    const lock = this[BLOCK]
    if (!holds(lock)) throw notOwner('rlock.release()', lock)
    leave('rlock.release()', lock, lock.owner!)
  }

  override async hold(options?: WaitOptions): Promise<LockGuard> {
    const call = 'rlock.hold()'
    const frame = { parent: frames.getStore() }
    if (!(await this.#enter(call, options, frame))) throw timeoutError(call, options)
    return this.#guard(call)
  }

  override holdSync(options?: SyncWaitOptions): LockGuard {
    const call = 'rlock.holdSync()'
    if (!this.#enterSync(call, options)) throw timeoutError(call, options)
    return this.#guard(call)
  }

  override async runExclusive<R>(fn: (guard: LockGuard) => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    const call = 'rlock.runExclusive()'
    if (typeof fn !== 'function') throw argumentType(`${call}: fn`, 'a function', fn)
    const frame = { parent: frames.getStore() }
    if (!(await this.#enter(call, options, frame))) throw timeoutError(call, options)
    const guard = this.#guard(call)
    try {
      return await frames.run(frame, () => fn(guard))
    } finally {
      guard.release()
    }
  }

  override runExclusiveSync<R>(fn: (guard: LockGuard) => R, options?: SyncWaitOptions): R {
    const call = 'rlock.runExclusiveSync()'
    if (typeof fn !== 'function') throw argumentType(`${call}: fn`, 'a function', fn)
    if (!this.#enterSync(call, options)) throw timeoutError(call, options)
    const guard = this.#guard(call)
    try {
      return fn(guard)
    } finally {
      guard.release()
    }
  }

  async #enter(call: string, options: WaitOptions | undefined, frame: Frame): Promise<boolean> {
    const { timeout, signal } = checkWaitOptions(call, options)
    this.checkOpen(call)
    const lock = this[BLOCK]
    if (lock.owner !== THREAD && holds(lock)) {
      lock.depth++
      return true
    }
    const taken = await this.untilClosed(call, { timeout, signal }, (ends) => lock.mutex.acquire(ends))
    if (!taken || !lock.taken(call)) return false
    lock.owner = frame
    lock.depth = 1
    return true
  }

  #enterSync(call: string, options: SyncWaitOptions | undefined): boolean {
    const { timeout } = checkSyncWaitOptions(call, options)
    this.checkOpen(call)
    const lock = this[BLOCK]
    const { mutex, thread } = lock
    if (holds(lock)) {
      lock.depth++
      return true
    }
    if (!mutex.tryAcquire()) {
      if (timeout === 0) return false
      if (timeout === undefined && mutex.mine) throw selfDeadlock(call)
      if (!mutex.acquireSync(deadlineAfter(thread, timeout))) return false
    }
    lock.taken(call)
    lock.owner = THREAD
    lock.depth = 1
    return true
  }

  #guard(call: string): LockGuard {
    const lock = this[BLOCK]
    const owner = lock.owner!
    return new LockGuard(lock.mutex.abandoned, () => leave(call, lock, owner))
  }

  static {
    registerHandle<RLock>({
      class: RLock,
      name: 'lock.RLock',
      package: '@multiproc/lock',
      version: LOCK_VERSION,
      module: import.meta.url,
      reduce: (handle) => handle[BLOCK].sent(),
      revive: ({ extra, ...place }) => new RLock(SharedBlock.received(SharedLock, RLOCK, place, extra) as never),
    })
  }
}

/** @internal The lock of a named object of another class: a name of its own in the same folder, that no program can choose. */
export function rlockBeside(name: string): RLock {
  return new RLock(SharedBlock.make(SharedLock, RLOCK, 'lock', [], { name: `${name}~lock` }) as never)
}

/** Whether the running code holds the re-entrant lock: by its thread, or by the async context it runs in. */
export function holds(lock: SharedLock): boolean {
  if (lock.owner === undefined || !lock.mutex.mine) return false
  if (lock.owner === THREAD) return true
  for (let frame = frames.getStore(); frame !== undefined; frame = frame.parent) if (frame === lock.owner) return true
  return false
}

function leave(call: string, lock: SharedLock, owner: object): void {
  // Closing the last handle released it.
  if (!lock.isJoined) return
  if (lock.owner !== owner || !lock.mutex.mine) throw notOwner(call, lock)
  if (--lock.depth > 0) return
  lock.owner = undefined
  lock.mutex.release()
}

function notOwner(call: string, lock: SharedLock): MultiprocError {
  const who = lock.mutex.ownerId() === 0 ? 'nobody' : lock.mutex.mine ? 'another task of this thread' : 'another thread'
  return new MultiprocError('ERR_MULTIPROC_NOT_OWNER', `\`${call}\` failed: ${who} holds this lock. Release it where it was acquired.`, {
    details: { owner: lock.mutex.ownerId(), thread: lock.thread.id },
  })
}
