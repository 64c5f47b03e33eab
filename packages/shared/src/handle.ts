import { closedError, MultiprocError } from '@multiproc/core'
import type { RLock } from '@multiproc/lock'
import type { Pages, SharedBlock } from './block.ts'

/** `lock: false`: `.lock` is refused. An `RLock`: used as it is. Default: one of its own, made when it is first needed. */
export type LockChoice = boolean | RLock

interface Resource {
  readonly block: SharedBlock
  pages: Pages | undefined
}

/** What all handles on a block have: closing, its lock, and what a collected one leaves. */
export class BlockHandle {
  readonly block: SharedBlock
  readonly #resource: Resource
  readonly #noun: string
  #lock: LockChoice
  #closed = false
  #buffer: ArrayBuffer | undefined

  constructor(owner: object, noun: string, block: SharedBlock, lock: LockChoice) {
    this.block = block
    this.#resource = { block, pages: undefined }
    this.#noun = noun
    this.#lock = lock
    block.retain()
    collected.register(owner, this.#resource, this)
  }

  get closed(): boolean {
    return this.#closed
  }

  checkOpen(call: string): void {
    if (this.#closed) throw closedError(`\`${this.#noun}.${call}\``)
  }

  /**
   * Memory for programs, made when it is first asked for. As long as any view of it lives, so does `owner`, and with it the
   * block.
   */
  mapped(owner: object): ArrayBuffer {
    if (this.#buffer) return this.#buffer
    const { pages, buffer } = this.block.map()
    this.#resource.pages = pages
    owners.set(buffer, owner)
    return (this.#buffer = buffer)
  }

  lock(): RLock {
    this.checkOpen('lock')
    if (this.#lock === false) throw new MultiprocError('ERR_MULTIPROC_UNSUPPORTED', `\`${this.#noun}.lock\` failed: it was made with { lock: false }. Leave the option out.`)
    return this.#lock === true ? (this.#lock = this.block.makeLock()) : this.#lock
  }

  /** The lock as it travels: made at the latest now, since all copies have the same. */
  lockToSend(): false | RLock {
    return this.#lock === false ? false : this.lock()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    collected.unregister(this)
    free(this.#resource)
  }
}

/** Views do not know who made them, but their buffer can be asked for. */
const owners = new WeakMap<ArrayBuffer, object>()
const collected = new FinalizationRegistry<Resource>(free)

function free({ block, pages }: Resource): void {
  pages?.blank()
  block.release()
}
