import type { Agent } from '../contracts/agent.ts'
import { Mutex, MUTEX_BYTES } from '../parking/mutex.ts'
import { wakeFirst } from '../parking/wait.ts'
import { Waiters, WAITERS_BYTES } from '../parking/waiters.ts'
import { ringBytes } from './layout.ts'
import { Ring } from './spsc.ts'

/**
 * A ring whose sides may have several threads each, with a line of waiters at either end.
 *
 * A lock per side lets one producer and one consumer in at a time. It is always taken: as long as a side has one user
 * that costs an uncontended CAS pair, and there is no moment at which a side changes from one user to many. A push
 * publishes by one store, a pop releases by one store, so a lock found abandoned needs no repair (spsc.ts). No code of
 * the user's runs under either lock.
 *
 * Layout v1 (bytes)                                                      | writer     | reader
 *   0                lock of the producers (mutex.ts)                    | producers  | producers
 *   next 64          lock of the consumers                               | consumers  | consumers
 *   next 64          who waits for room (waiters.ts)                     | producers  | consumers
 *   next 64          who waits for a record                              | consumers  | producers
 *   next 128         the ring (layout.ts)                                |            |
 *
 * Death between                        leaves                            who repairs, how
 *   tail store and waking a consumer   a record, consumers asleep        the next push wakes; or a producer before it sleeps (1)
 *   head store and waking a producer   room, producers asleep            the next pop wakes; or a consumer before it sleeps (1)
 *   (1) `startWaiting…`: whoever is about to sleep at one end first wakes the other end's line. So no wake-up can be lost
 *   for both ends. A record that was published by somebody who died before he could tell, and that nobody waits for at the
 *   other end, is no different from one that was not sent: it is seen at the next look.
 */
const PRODUCERS = 0
const CONSUMERS = align(PRODUCERS + MUTEX_BYTES, 64)
const ROOM = align(CONSUMERS + MUTEX_BYTES, 64)
const RECORDS = align(ROOM + WAITERS_BYTES, 64)
const RING = align(RECORDS + WAITERS_BYTES, 128)

export function sharedRingBytes(capacityBytes: number): number {
  return RING + ringBytes(capacityBytes)
}

function align(offset: number, to: number): number {
  return (offset + to - 1) & -to
}

export class SharedRing {
  readonly ring: Ring
  /** Who waits for room: producers. */
  readonly forRoom: Waiters
  /** Who waits for a record: consumers. */
  readonly forRecords: Waiters
  readonly #agent: Agent
  readonly #producers: Mutex
  readonly #consumers: Mutex

  /** Writes a new ring into zeroed memory at the byte offset `at` of `words` and `bytes`, which are views of the same memory. */
  static create(agent: Agent, words: Int32Array, bytes: Uint8Array, at: number, capacityBytes: number): SharedRing {
    Ring.create(agent, words, bytes, (at + RING) >> 2, capacityBytes)
    return new SharedRing(agent, words, bytes, at)
  }

  constructor(agent: Agent, words: Int32Array, bytes: Uint8Array, at: number) {
    const word = (offset: number): number => (at + offset) >> 2
    this.#agent = agent
    this.#producers = new Mutex(agent, words, word(PRODUCERS))
    this.#consumers = new Mutex(agent, words, word(CONSUMERS))
    this.forRoom = new Waiters(agent, words, word(ROOM))
    this.forRecords = new Waiters(agent, words, word(RECORDS))
    this.ring = new Ring(agent, words, bytes, word(RING))
  }

  /**
   * Appends a record and wakes a consumer. False, and nothing changed, when there is no room. `ready`, if given, runs
   * when there is room, just before the record can be seen; it must not be code of the user's.
   */
  tryPush(source: Uint8Array, length: number, flags: number, ready?: () => void, from = 0): boolean {
    const { ring } = this
    this.#producers.acquireSync(Infinity)
    try {
      if (ready !== undefined) {
        if (!ring.hasRoom(length, flags)) return false
        ready()
      }
      if (!ring.tryPush(source, length, flags, from)) return false
    } finally {
      this.#producers.release()
    }
    wakeFirst(this.#agent, this.forRecords)
    return true
  }

  /**
   * Shows the oldest record to `take`, which copies it out and returns something; then the record is released and a
   * producer woken. When `take` returns undefined, or throws, the record stays. `take` must not be code of the user's.
   */
  tryPop<T>(take: (ring: Ring) => T | undefined): T | undefined {
    const { ring } = this
    this.#consumers.acquireSync(Infinity)
    let taken: T | undefined
    try {
      if (!ring.peek()) return undefined
      taken = take(ring)
      if (taken === undefined) return undefined
      ring.release()
    } finally {
      this.#consumers.release()
    }
    wakeFirst(this.#agent, this.forRoom)
    return taken
  }

  get threadId(): number {
    return this.#agent.id
  }

  /** To be called by a producer that found no room, before it sleeps. */
  startWaitingForRoom(): void {
    wakeFirst(this.#agent, this.forRecords)
  }

  /** To be called by a consumer that found no record, before it sleeps. */
  startWaitingForRecords(): void {
    wakeFirst(this.#agent, this.forRoom)
  }
}
