import {
  argumentType, argumentValue, checkOptions, checkSyncWaitOptions, checkWaitOptions, deadlineAfter,
  registerHandle, TimeoutError, WAITABLE, type SyncWaitOptions, type Turn, type Waitable, type WaitKind, type WaitOptions,
} from '@multiproc/core'
import { BLOCK, BlockHandle } from './block-handle.ts'
import { LockGuard } from './guard.ts'
import type { Home } from './home.ts'
import { checkNames } from './names.ts'
import { formatPermits, PERMITS_BYTES, PermitWords } from './permit-words.ts'
import { LOCK_VERSION, SharedBlock, type BlockKind, type NameOptions } from './shared-block.ts'

const SEMAPHORE: BlockKind = {
  noun: 'semaphore',
  magic: 0x4d_50_53_31, // 'MPS1'
  bytes: () => PERMITS_BYTES,
  format: (words, body, [bounded, value = 1]) => formatPermits(words, body, value, bounded === BOUNDED ? value : 0),
}
/** First parameter, the policy; the second is the value at the start. */
const UNBOUNDED = 0
const BOUNDED = 1
const MOST = 0x7fff_ffff

export type SemaphoreOptions = NameOptions

/** Whether the permit comes back when the thread that took it dies. */
export interface OwnedOption {
  readonly owned?: boolean | undefined
}

class SharedSemaphore extends SharedBlock {
  readonly permits: PermitWords
  /** Permits of this thread that return with it; those of `acquire({ owned: true })`, which `release()` gives back, apart. */
  guarded = 0
  owned = 0

  constructor(home: Home) {
    super(home)
    this.permits = new PermitWords(this.thread, this.words, this.body, () => this.liveThreads())
  }

  override get isHeld(): boolean {
    return this.guarded + this.owned > 0
  }

  protected override joined(): void {
    this.permits.joined()
  }

  protected override giveUp(): void {
    while (this.permits.giveOwned());
  }
}

/**
 * A number of permits that threads and processes share. Python: `multiprocessing.Semaphore`.
 *
 * @remarks
 * A permit taken by `hold`, `runExclusive` or with `{ owned: true }` returns when the thread that holds it dies. One taken
 * by a bare `acquire` does not, since it may be a signal that somebody else answers: anybody may `release()`.
 * More than 64 waiting threads and tasks wait without a place in line.
 *
 * @example
 * const slots = new Semaphore(3)
 * await slots.runExclusive(() => download(url))
 */
export class Semaphore extends BlockHandle<SharedSemaphore> implements Waitable {
  /**
   * @param value - permits at the start, default 1. With a name, all must give the same, or none.
   * @throws as `new Lock()`.
   */
  constructor(value?: number, options?: SemaphoreOptions) {
    super((value as unknown) instanceof SharedSemaphore ? (value as never) : create('new Semaphore()', value, options, UNBOUNDED))
  }

  /**
   * Waits for a permit, and takes it.
   *
   * @param options.owned - true: it returns when this thread dies; `release()` of this thread gives it back.
   * @returns true; false after `timeout`, with nothing taken. @throws AbortError; ERR_MULTIPROC_CLOSED, also when this
   * handle is closed meanwhile; ERR_MULTIPROC_NO_MEMORY when 254 threads own permits.
   */
  async acquire(options?: WaitOptions & OwnedOption): Promise<boolean> {
    const call = 'semaphore.acquire()'
    const checked = checkWaitOptions(call, options, ['owned'])
    return this.#owned(await this.#take(call, checked, isOwned(call, options)), options)
  }

  /** `acquire`, blocking the thread instead. */
  acquireSync(options?: SyncWaitOptions & OwnedOption): boolean {
    const call = 'semaphore.acquireSync()'
    const { timeout } = checkSyncWaitOptions(call, options, ['owned'])
    return this.#owned(this.#takeSync(call, timeout, isOwned(call, options)), options)
  }

  /** Takes a permit if there is one. Never waits for one. */
  tryAcquire(options?: OwnedOption): boolean {
    const call = 'semaphore.tryAcquire()'
    checkOptions(call, options, ['owned'])
    return this.#owned(this.#takeSync(call, 0, isOwned(call, options)), options)
  }

  /**
   * Gives a permit back; also one that nobody took. An owned one of this thread first.
   * @throws ERR_MULTIPROC_CLOSED; ERR_MULTIPROC_ARG_VALUE beyond the value of a BoundedSemaphore. Then nothing changed.
   */
  release(): void {
    const call = 'semaphore.release()'
    this.checkOpen(call)
    const semaphore = this[BLOCK]
    if (semaphore.owned > 0) {
      semaphore.owned--
      semaphore.permits.giveOwned()
    } else if (!semaphore.permits.give()) {
      throw argumentValue(`\`${call}\`: permits`, `at most ${semaphore.permits.limit}: release only what was acquired`, semaphore.permits.limit + 1)
    }
  }

  /** Permits that are left, at this moment. */
  getValue(): number {
    this.checkOpen('semaphore.getValue()')
    return this[BLOCK].permits.left()
  }

  /** A permit as a resource, owned: `using permit = await semaphore.hold()`. @throws TimeoutError after `timeout`; else as `acquire`. */
  async hold(options?: WaitOptions): Promise<LockGuard> {
    const call = 'semaphore.hold()'
    if (!(await this.#take(call, checkWaitOptions(call, options), true))) throw noPermit(call, options)
    return this.#guard()
  }

  /** `hold`, blocking the thread instead. */
  holdSync(options?: SyncWaitOptions): LockGuard {
    const call = 'semaphore.holdSync()'
    if (!this.#takeSync(call, checkSyncWaitOptions(call, options).timeout, true)) throw noPermit(call, options)
    return this.#guard()
  }

  /** Runs `fn` with an owned permit, given back when `fn` has returned, thrown or settled. */
  async runExclusive<R>(fn: (guard: LockGuard) => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    if (typeof fn !== 'function') throw argumentType('semaphore.runExclusive(): fn', 'a function', fn)
    const guard = await this.hold(options)
    try {
      return await fn(guard)
    } finally {
      guard.release()
    }
  }

  /** `runExclusive`, blocking the thread while it waits. A promise that `fn` returns is not awaited. */
  runExclusiveSync<R>(fn: (guard: LockGuard) => R, options?: SyncWaitOptions): R {
    if (typeof fn !== 'function') throw argumentType('semaphore.runExclusiveSync(): fn', 'a function', fn)
    const guard = this.holdSync(options)
    try {
      return fn(guard)
    } finally {
      guard.release()
    }
  }

  /** @internal For `wait()`: ready when `acquire` would not wait. */
  [WAITABLE](call: string, kind: WaitKind): Turn {
    return this.waitable(call, this[BLOCK].permits.turn(kind))
  }

  async #take(call: string, options: WaitOptions, owned: boolean): Promise<boolean> {
    return this.untilClosed(call, options, (ends) => this[BLOCK].permits.takeAsync(owned, ends))
  }

  #takeSync(call: string, timeout: number | undefined, owned: boolean): boolean {
    this.checkOpen(call)
    const { permits, thread } = this[BLOCK]
    return timeout === 0 ? permits.take(owned) === true : permits.takeSync(owned, deadlineAfter(thread, timeout))
  }

  #owned(taken: boolean, options: OwnedOption | undefined): boolean {
    if (taken && options?.owned === true) this[BLOCK].owned++
    return taken
  }

  #guard(): LockGuard {
    const semaphore = this[BLOCK]
    semaphore.guarded++
    return new LockGuard(false, () => {
      semaphore.guarded--
      // Closing the last handle gave all back.
      if (semaphore.isJoined) semaphore.permits.giveOwned()
    })
  }

  static {
    registerSemaphore(Semaphore, 'lock.Semaphore')
  }
}

/** A Semaphore that never has more permits than at its start: a release too many throws. */
export class BoundedSemaphore extends Semaphore {
  /** @throws as `new Semaphore()`. */
  constructor(value?: number, options?: SemaphoreOptions) {
    super(((value as unknown) instanceof SharedSemaphore ? value : create('new BoundedSemaphore()', value, options, BOUNDED)) as never)
  }

  static {
    registerSemaphore(BoundedSemaphore, 'lock.BoundedSemaphore')
  }
}

function registerSemaphore(type: new (value: never) => Semaphore, name: string): void {
  registerHandle<Semaphore>({
    class: type,
    name,
    package: '@multiproc/lock',
    version: LOCK_VERSION,
    module: import.meta.url,
    reduce: (handle) => handle[BLOCK].sent(),
    revive: ({ extra, ...place }) => new type(SharedBlock.received(SharedSemaphore, SEMAPHORE, place, extra) as never),
  })
}

function create(call: string, value: number | undefined, options: SemaphoreOptions | undefined, bounded: number): SharedSemaphore {
  const least = bounded === BOUNDED ? 1 : 0
  if (value !== undefined && typeof value !== 'number') throw argumentType(`${call}: value`, 'a number of permits', value)
  if (value !== undefined && (!Number.isInteger(value) || value < least || value >= MOST)) throw argumentValue(`${call}: value`, `an integer from ${least} to ${MOST - 1}`, value)
  checkNames(call, options)
  return SharedBlock.make(SharedSemaphore, SEMAPHORE, call, [bounded, value], options)
}

function isOwned(call: string, options: OwnedOption | undefined): boolean {
  const owned = options?.owned ?? false
  if (typeof owned !== 'boolean') throw argumentType(`${call}: options.owned`, 'true or false', owned)
  return owned
}

function noPermit(call: string, options: SyncWaitOptions | undefined): TimeoutError {
  return new TimeoutError(`\`${call}\` failed: no permit was free within ${options?.timeout} ms. Wait longer, or catch TimeoutError.`)
}
