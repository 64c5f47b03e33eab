import { checkSyncWaitOptions, checkWaitOptions, deadlineAfter, registerHandle, WAITABLE, type SyncWaitOptions, type Turn, type Waitable, type WaitKind, type WaitOptions } from '@multiproc/core'
import { BLOCK, BlockHandle } from './block-handle.ts'
import { EVENT_BYTES, EventWord } from './event-word.ts'
import type { Home } from './home.ts'
import { checkNames } from './names.ts'
import { LOCK_VERSION, SharedBlock, type BlockKind, type NameOptions } from './shared-block.ts'

const EVENT: BlockKind = { noun: 'event', magic: 0x4d_50_45_31, bytes: () => EVENT_BYTES } // 'MPE1'

class SharedEvent extends SharedBlock {
  readonly word: EventWord

  constructor(home: Home) {
    super(home)
    this.word = new EventWord(this.thread, this.words, this.body, () => this.liveThreads())
  }

  protected override joined(): void {
    this.word.joined()
  }
}

/**
 * A flag that threads and processes wait for. Python: `multiprocessing.Event`.
 *
 * @remarks `set()` ends every wait that is under way, even if `clear()` follows at once. One that sets it and is killed in
 * the middle leaves nobody asleep.
 *
 * @example
 * const ready = new Event()
 * new Process({ target: (ready: Event) => ready.set(), args: [ready] }).start()
 * await ready.wait({ timeout: 1000 }) // => true
 */
export class Event extends BlockHandle<SharedEvent> implements Waitable {
  /**
   * Not set, unless it is one that `options.name` finds.
   * @throws as `new Lock()`.
   */
  constructor(options?: NameOptions) {
    super(options instanceof SharedEvent ? options : create(options))
  }

  isSet(): boolean {
    this.checkOpen('event.isSet()')
    return this[BLOCK].word.isSet()
  }

  set(): void {
    this.checkOpen('event.set()')
    this[BLOCK].word.set()
  }

  clear(): void {
    this.checkOpen('event.clear()')
    this[BLOCK].word.clear()
  }

  /**
   * Waits until the event is set.
   *
   * @param options.timeout - milliseconds; 0 tries once; none waits for ever.
   * @returns true; false after `timeout`. @throws AbortError; ERR_MULTIPROC_CLOSED, also when this handle is closed meanwhile.
   */
  async wait(options?: WaitOptions): Promise<boolean> {
    const call = 'event.wait()'
    const checked = checkWaitOptions(call, options)
    return this.untilClosed(call, checked, (ends) => this[BLOCK].word.wait(ends))
  }

  /** `wait`, blocking the thread instead. */
  waitSync(options?: SyncWaitOptions): boolean {
    const call = 'event.waitSync()'
    const { timeout } = checkSyncWaitOptions(call, options)
    this.checkOpen(call)
    return this[BLOCK].word.waitSync(deadlineAfter(this[BLOCK].thread, timeout))
  }

  /** @internal For `wait()`: ready when `wait` would not wait. */
  [WAITABLE](call: string, kind: WaitKind): Turn {
    return this.waitable(call, this[BLOCK].word.turn(kind))
  }

  static {
    registerHandle<Event>({
      class: Event,
      name: 'lock.Event',
      package: '@multiproc/lock',
      version: LOCK_VERSION,
      module: import.meta.url,
      reduce: (handle) => handle[BLOCK].sent(),
      revive: ({ extra, ...place }) => new Event(SharedBlock.received(SharedEvent, EVENT, place, extra) as never),
    })
  }
}

function create(options: NameOptions | undefined): SharedEvent {
  const call = 'new Event()'
  checkNames(call, options)
  return SharedBlock.make(SharedEvent, EVENT, call, [], options)
}
