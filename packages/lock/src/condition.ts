import {
  abortError, argumentType, argumentValue, checkSyncWaitOptions, checkWaitOptions, closedError, deadlineAfter, MultiprocError, registerHandle,
  remainingMs, settle, settleSync, WAITS_ASYNC, WAITS_SYNC, type SyncWaitOptions, type WaitKind, type WaitOptions,
} from '@multiproc/core'
import { BLOCK, BlockHandle } from './block-handle.ts'
import { CONDITION_BYTES, CONDITION_WAITS, ConditionWords } from './condition-words.ts'
import type { LockGuard } from './guard.ts'
import { Lock } from './lock.ts'
import { holds, RLock } from './rlock.ts'
import type { Home } from './home.ts'
import { checkLockHasName, checkNames } from './names.ts'
import { LOCK_VERSION, SharedBlock, type BlockKind, type NameOptions } from './shared-block.ts'
import { LOCK, SharedLock } from './shared-lock.ts'

const CONDITION: BlockKind = { noun: 'condition', magic: 0x4d_50_43_31, bytes: () => CONDITION_BYTES } // 'MPC1'

class SharedCondition extends SharedBlock {
  readonly line: ConditionWords

  constructor(home: Home) {
    super(home)
    this.line = new ConditionWords(this.thread, this.words, this.body, () => this.liveThreads())
  }

  protected override joined(): void {
    this.line.joined()
  }
}

/**
 * Waiting for what others change under a lock: a waiter lets go of the lock while it sleeps, and holds it again when it goes
 * on. Pass it in `args`, through a pipe or queue: the lock goes with it. Python: `multiprocessing.Condition`.
 *
 * @remarks
 * Every call but `acquire…`, `hold…` and `run…` needs the lock held, or throws ERR_MULTIPROC_NOT_OWNER and changes nothing.
 * Waiters are notified in the order they came. One that was notified and is killed before it went on, or aborted, hands
 * its notification to the next; a notifier that is killed leaves nobody asleep whom it had notified. After a death one
 * waiter more than asked for may wake: wait in a loop, or by `waitFor`. A wait ends with the lock held also when it throws,
 * but for AbandonedError. Python's default lock is an RLock, here it is a Lock.
 *
 * @example
 * const condition = new Condition()
 * await condition.runExclusive(() => condition.waitFor(() => stock.value > 0))
 * // elsewhere
 * condition.runExclusiveSync(() => (stock.add(1), condition.notify()))
 */
export class Condition extends BlockHandle<SharedCondition> {
  readonly #lock: Lock
  readonly #ownsLock: boolean

  /**
   * @param lock - a Lock or RLock, which stays the caller's to close; default a new Lock. With a name that is one of its own for
   * the same programs, and a lock that is passed must be the same one for all, so have a name, too.
   * @throws ERR_MULTIPROC_ARG_TYPE; ERR_MULTIPROC_CLOSED for a closed lock; as `new Lock()`.
   */
  constructor(lock?: Lock, options?: NameOptions) {
    const call = 'new Condition()'
    const arrived = options instanceof SharedCondition
    if (!arrived) checkNames(call, options)
    if (lock !== undefined && !(lock instanceof Lock)) throw argumentType(`${call}: lock`, 'a Lock or RLock', lock)
    if (lock?.closed) throw closedError(`\`${call}\``)
    if (lock !== undefined && !arrived) checkLockHasName(`${call}: lock`, lock, options)
    super(arrived ? options : SharedBlock.make(SharedCondition, CONDITION, call, [], options))
    this.#ownsLock = lock === undefined || arrived
    this.#lock = lock ?? lockFor(options?.name)
  }

  /**
   * Lets go of the lock, waits until it is notified, and takes the lock again.
   *
   * @param options.timeout - milliseconds until it stops waiting for a notification; then it still waits for the lock.
   * @param options.signal - aborting has no effect on others (cancel safe): a notification that came goes to the next.
   * @returns true; false after `timeout`. A notification that came first counts.
   * @throws ERR_MULTIPROC_NOT_OWNER; AbortError and ERR_MULTIPROC_CLOSED, also when this handle is closed meanwhile, with the lock
   * held; AbandonedError with `onAbandoned: 'throw'`, with nobody holding it; ERR_MULTIPROC_NO_MEMORY when 1,022 wait.
   */
  async wait(options?: WaitOptions): Promise<boolean> {
    const call = 'condition.wait()'
    return this.#wait(call, checkWaitOptions(call, options))
  }

  /** `wait`, blocking the thread instead. */
  waitSync(options?: SyncWaitOptions): boolean {
    const call = 'condition.waitSync()'
    return this.#waitSync(call, checkSyncWaitOptions(call, options))
  }

  /**
   * Waits until `predicate` returns something true, which it is asked with the lock held: at once, and after each
   * notification. @returns true; after `timeout`, what it says then. @throws what it throws; as `wait`.
   */
  async waitFor(predicate: () => unknown, options?: WaitOptions): Promise<boolean> {
    const call = 'condition.waitFor()'
    checkPredicate(call, predicate)
    const { timeout, signal } = checkWaitOptions(call, options)
    const { thread } = this.#held(call)
    const deadlineMs = deadlineAfter(thread, timeout)
    while (!(await predicate())) {
      if (!(await this.#wait(call, { timeout: timeLeft(thread, deadlineMs), signal }))) return Boolean(await predicate())
    }
    return true
  }

  /** `waitFor`, blocking the thread instead. A promise that `predicate` returns is not awaited: it counts as true. */
  waitForSync(predicate: () => unknown, options?: SyncWaitOptions): boolean {
    const call = 'condition.waitForSync()'
    checkPredicate(call, predicate)
    const { timeout } = checkSyncWaitOptions(call, options)
    const { thread } = this.#held(call)
    const deadlineMs = deadlineAfter(thread, timeout)
    while (!predicate()) {
      if (!this.#waitSync(call, { timeout: timeLeft(thread, deadlineMs) })) return Boolean(predicate())
    }
    return true
  }

  /** Wakes up to `n` of those who wait, the oldest first; they go on when the lock is free. @throws ERR_MULTIPROC_NOT_OWNER. */
  notify(n = 1): void {
    const call = 'condition.notify()'
    if (typeof n !== 'number') throw argumentType(`${call}: n`, 'a number of waiters', n)
    if (!Number.isInteger(n) || n < 0) throw argumentValue(`${call}: n`, 'an integer from 0 on', n)
    this.#held(call)
    this[BLOCK].line.notify(n)
  }

  /** Wakes all who wait. @throws ERR_MULTIPROC_NOT_OWNER. */
  notifyAll(): void {
    this.#held('condition.notifyAll()')
    this[BLOCK].line.notify(CONDITION_WAITS)
  }

  /** As `lock.acquire()`. */
  async acquire(options?: WaitOptions): Promise<boolean> {
    return this.#open('acquire()').acquire(options)
  }

  /** As `lock.acquireSync()`. */
  acquireSync(options?: SyncWaitOptions): boolean {
    return this.#open('acquireSync()').acquireSync(options)
  }

  /** As `lock.tryAcquire()`. */
  tryAcquire(): boolean {
    return this.#open('tryAcquire()').tryAcquire()
  }

  /** As `lock.release()`. */
  release(): void {
    this.#open('release()').release()
  }

  /** As `lock.locked()`. */
  locked(): boolean {
    return this.#open('locked()').locked()
  }

  /** As `lock.abandoned`. */
  get abandoned(): boolean {
    return this.#open('abandoned').abandoned
  }

  /** As `lock.hold()`. */
  async hold(options?: WaitOptions): Promise<LockGuard> {
    return this.#open('hold()').hold(options)
  }

  /** As `lock.holdSync()`. */
  holdSync(options?: SyncWaitOptions): LockGuard {
    return this.#open('holdSync()').holdSync(options)
  }

  /** As `lock.runExclusive()`. */
  async runExclusive<R>(fn: (guard: LockGuard) => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    return this.#open('runExclusive()').runExclusive(fn, options)
  }

  /** As `lock.runExclusiveSync()`. */
  runExclusiveSync<R>(fn: (guard: LockGuard) => R, options?: SyncWaitOptions): R {
    return this.#open('runExclusiveSync()').runExclusiveSync(fn, options)
  }

  /**
   * Gives this handle up; its pending waits reject with ERR_MULTIPROC_CLOSED, each as soon as it has the lock again. A lock
   * that was passed to the constructor stays open. Closing twice is harmless.
   */
  override close(): void {
    if (this.closed) return
    super.close()
    if (this.#ownsLock) this.#lock.close()
  }

  async #wait(call: string, { timeout, signal }: WaitOptions): Promise<boolean> {
    const lock = this.#held(call)
    if (signal?.aborted) throw abortError(signal)
    const condition = this[BLOCK]
    const { line, thread } = condition
    const deadlineMs = deadlineAfter(thread, timeout)
    const entry = this.#enter(call, WAITS_ASYNC)
    // Both may be closed while it waits; it needs them to get back into a state that others can live with.
    condition.retain()
    lock.retain()
    try {
      const holding = lock.letGo()
      for (;;) {
        let why: 'woken' | 'late' | 'failed'
        let failure: unknown
        try {
          const left = { timeout: timeLeft(thread, deadlineMs), signal }
          why = (await this.untilClosed(call, left, (ends) => settle(thread, line.turn(entry), ends))) ? 'woken' : 'late'
        } catch (error) {
          why = 'failed'
          failure = error
        }
        await lock.mutex.acquire()
        const notified = line.regained(entry, lock.isRefused ? 'failed' : why)
        if (notified === undefined) {
          lock.mutex.release()
          continue
        }
        lock.regain(call, holding)
        if (why === 'failed') throw failure
        return notified
      }
    } finally {
      condition.release()
      lock.release()
    }
  }

  #waitSync(call: string, { timeout }: SyncWaitOptions): boolean {
    const lock = this.#held(call)
    const { line, thread } = this[BLOCK]
    const deadlineMs = deadlineAfter(thread, timeout)
    const entry = this.#enter(call, WAITS_SYNC)
    const holding = lock.letGo()
    for (;;) {
      const why = settleSync(thread, line.turn(entry), deadlineMs) ? 'woken' : 'late'
      lock.mutex.acquireSync(Infinity)
      const notified = line.regained(entry, lock.isRefused ? 'failed' : why)
      if (notified === undefined) {
        lock.mutex.release()
        continue
      }
      lock.regain(call, holding)
      return notified
    }
  }

  #enter(call: string, kind: WaitKind): number {
    const entry = this[BLOCK].line.enter(kind)
    if (entry >= 0) return entry
    throw new MultiprocError('ERR_MULTIPROC_NO_MEMORY', `\`${call}\` failed: ${CONDITION_WAITS} tasks and threads wait for this condition. Use several conditions.`, {
      details: { limit: CONDITION_WAITS },
    })
  }

  #open(call: string): Lock {
    this.checkOpen(`condition.${call}`)
    return this.#lock
  }

  /** The lock, which the caller holds. */
  #held(call: string): SharedLock {
    this.checkOpen(call)
    if (this.#lock.closed) throw closedError(`\`${call}\``)
    const lock = this.#lock[BLOCK]
    if (this.#lock instanceof RLock ? holds(lock) : lock.mutex.mine) return lock
    throw new MultiprocError('ERR_MULTIPROC_NOT_OWNER', `\`${call}\` failed: the lock of the condition is not held here. Acquire it first, or use runExclusive().`, {
      details: { owner: lock.mutex.ownerId(), thread: lock.thread.id },
    })
  }

  static {
    registerHandle<Condition>({
      class: Condition,
      name: 'lock.Condition',
      package: '@multiproc/lock',
      version: LOCK_VERSION,
      module: import.meta.url,
      reduce: (handle) => {
        const { extra: name, ...place } = handle[BLOCK].sent()
        return { ...place, extra: [name, handle.#lock] }
      },
      revive: ({ extra, ...place }) => {
        const [name, lock] = extra as [unknown, Lock]
        return new Condition(lock, SharedBlock.received(SharedCondition, CONDITION, place, name) as never)
      },
    })
  }
}

/** A name of its own in the same folder, that no program can choose. */
function lockFor(name: string | undefined): Lock {
  if (name === undefined) return new Lock()
  return new Lock(SharedBlock.make(SharedLock, LOCK, 'new Condition()', [], { name: `${name}~lock` }) as never)
}

function checkPredicate(call: string, predicate: unknown): void {
  if (typeof predicate !== 'function') throw argumentType(`${call}: predicate`, 'a function', predicate)
}

function timeLeft(thread: { nowMs(): number }, deadlineMs: number): number | undefined {
  return deadlineMs === Infinity ? undefined : remainingMs(thread, deadlineMs)
}
