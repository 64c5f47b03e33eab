import type { Agent } from '../contracts/agent.ts'
import type { ArenaMemory } from '../contracts/arena-memory.ts'
import type { AtomicOps } from './atomics.ts'

/**
 * Changes of several words that happen entirely or not at all, whatever step their author dies at. A log belongs to one
 * death-proof lock; all of its methods are called with that lock held, `recover()` first after every acquisition.
 *
 * Layout v1 (bytes, little endian)                                         | writer    | reader
 *   0     int32 COMMIT  number of entries to apply; 0: none                | holder    | next holder
 *   4     int32 spare
 *   8     entries       {uint32 arena offset / 4, int32 new value}         | holder    | next holder
 *
 * State         COMMIT   set by                        legal next
 *   IDLE        0        commit(), recover()           COMMITTED
 *   COMMITTED   n        commit()                      IDLE
 *
 * Death between                       leaves                            who repairs, how
 *   two set()                         entries behind COMMIT = 0         nobody: the next holder writes over them
 *   COMMIT := n and COMMIT := 0       some of the n words changed       next holder's recover(): applies all n again
 *
 * Entries hold values, not differences, so applying them once more changes nothing. Readers that do not hold the lock may
 * see the words change one by one; each word that has such readers says at its place why that is enough.
 */
const COMMIT = 0
const ENTRIES = 2
const ENTRY_WORDS = 2
const WORD_BYTES = 4

/** Bytes of a log that holds `entries` entries. */
export function redoLogBytes(entries: number): number {
  return (ENTRIES + entries * ENTRY_WORDS) * WORD_BYTES
}

export class RedoLog {
  readonly #ops: AtomicOps
  readonly #words: Int32Array
  readonly #base: number
  readonly #memory: Pick<ArenaMemory, 'region'>
  readonly #capacity: number
  #count = 0

  /** The log lies at word `base` of `words`, `bytes` long and zero when new; `memory` finds the words it changes. */
  constructor(agent: Pick<Agent, 'ops'>, words: Int32Array, base: number, bytes: number, memory: Pick<ArenaMemory, 'region'>) {
    this.#ops = agent.ops
    this.#words = words
    this.#base = base
    this.#memory = memory
    this.#capacity = Math.floor((bytes / WORD_BYTES - ENTRIES) / ENTRY_WORDS)
  }

  /** Forgets what was set and not committed. */
  begin(): void {
    this.#count = 0
  }

  /**
   * Lists a new value for the word at arena offset `offset`. Of two for one word the later counts. A full log throws
   * before anything has changed.
   */
  set(offset: number, value: number): void {
    if (this.#count === this.#capacity) {
      throw new RangeError(`redo log full: a transaction has more than ${this.#capacity} words. Split it, or give the log more room.`)
    }
    const entry = this.#base + ENTRIES + this.#count++ * ENTRY_WORDS
    this.#words[entry] = offset / WORD_BYTES // wraps to int32; read back as uint32
    this.#words[entry + 1] = value
  }

  /** Makes every change listed since `begin()`. */
  commit(): void {
    if (this.#count === 0) return
    // PUBLISH(A1): the entries above are visible to OBSERVE(A1) in recover()
    this.#ops.store(this.#words, this.#base + COMMIT, this.#count)
    this.#apply(this.#count)
    this.#count = 0
  }

  /** Completes the transaction of a holder that died in `commit()`. Returns whether there was one. */
  recover(): boolean {
    // OBSERVE(A1)
    const count = this.#ops.load(this.#words, this.#base + COMMIT)
    if (count === 0) return false
    this.#apply(count)
    return true
  }

  #apply(count: number): void {
    const first = this.#base + ENTRIES
    for (let entry = first; entry < first + count * ENTRY_WORDS; entry += ENTRY_WORDS) {
      const offset = (this.#words[entry]! >>> 0) * WORD_BYTES
      const region = this.#memory.region(offset)
      this.#ops.store(region.words, (offset - region.base) / WORD_BYTES, this.#words[entry + 1]!)
    }
    this.#ops.store(this.#words, this.#base + COMMIT, 0)
  }
}
