import { Mutex, MUTEX_BYTES, Waiters, WAITERS_BYTES, wakeAll, type Agent } from '@multiproc/core'

const MUTEX = 4
const LINE = MUTEX + MUTEX_BYTES / 4
/** The first word behind the mutex and the line of waiters: where a kind's entries begin. */
export const ENTRIES = LINE + WAITERS_BYTES / 4

/** Four words of a kind's own, a Mutex (core mutex.ts) for the few steps of each change, and a line of waiters. */
export abstract class GuardedWords {
  protected readonly agent: Agent
  protected readonly words: Int32Array
  protected readonly base: number
  protected readonly waiters: Waiters
  /** All whose changes, or whose death, somebody may wait for. */
  protected readonly watched: () => readonly number[]
  readonly #mutex: Mutex

  constructor(agent: Agent, words: Int32Array, base: number, watched: () => readonly number[]) {
    this.agent = agent
    this.words = words
    this.base = base
    this.waiters = new Waiters(agent, words, base + LINE)
    this.watched = watched
    this.#mutex = new Mutex(agent, words, base + MUTEX)
  }

  /** Somebody new has the object: waiters must watch it, too. */
  joined(): void {
    wakeAll(this.agent, this.waiters)
  }

  protected exclusive<T>(change: () => T): T {
    this.#mutex.acquireSync(Infinity)
    try {
      return change()
    } finally {
      this.#mutex.release()
    }
  }

  protected load(word: number): number {
    return this.agent.ops.load(this.words, this.base + word)
  }

  protected store(word: number, value: number): void {
    this.agent.ops.store(this.words, this.base + word, value)
  }
}
