import type { Agent } from '../contracts/agent.ts'
import { MultiprocError } from '../errors/base.ts'

/**
 * Who holds an object, and which messages are carrying it. Lies in the object itself, so it goes when the object goes,
 * and needs no repair: entries of dead threads do not count. Lock-free; nobody waits here.
 *
 * Layout v1 (int32 words)                                                              | writer          | reader
 *   0     CHANGES   + 1 after each new entry; also numbers the flights                 | who adds        | scans
 *   1     HIGH      all entries in use are below; only ever grows                      | who adds        | scans
 *   2, 3  spare
 *   4     254 entries {STATE, TOKEN}; TOKEN is the flight's number, and is             | see below       | all
 *         written before PENDING
 *
 * State (bits 0, 1)  rest of STATE  counts while          legal next, by whom
 *   FREE       0     0              never                 HELD: any, by CAS
 *   HELD       1     thread id      that thread lives     FREE, PENDING: that thread; HELD of another: any, once dead
 *   PENDING    2     thread id      that thread lives     COMMITTED, FREE: sender; FREE: receiver, or any, once dead;
 *                                                         PENDING of another: who takes the message out
 *   COMMITTED  3     token          until landed          FREE: receiver; PENDING: who takes the message out
 *
 * Death of                                       leaves                      who repairs, how
 *   a holder                                     HELD of a dead thread       nobody need; the next claim takes the entry
 *   a sender before PENDING, or while encoding   HELD or PENDING, dead       the same; a scan frees PENDING
 *   a sender between publish and commit()        PENDING, dead; the message  its taker by adoptFlight(), unless a scan has
 *                                                can be read                 freed it first: then the message's handle is void
 *   a taker between adoptFlight() and land()     PENDING, dead               as for senders
 *   an adder between its CAS and CHANGES + 1     an entry of a dead thread   nobody need
 *
 * Two rules make "nothing lives" final, so that a sweep may free and a reader may report the end:
 * 1. Nobody adds an entry without having one: a receiver joins before it lands the flight, a sender launches while it
 *    holds (or while it has a flight adopted), the creator's entry is there before the object can be found. (tryJoin()
 *    says what it does instead.)
 * 2. A scan that found nothing counts only if CHANGES stood still. Else it could read entry 3 (free), then a receiver
 *    joins in 3 and lands flight 5, then it reads 5 (free): nothing seen, though never empty. An entry whose adder has
 *    not yet come to CHANGES + 1 may be missed, but by rule 1 its adder's older entry, which is counted, still stands.
 * What does not count, but could be revived by adoptFlight() (a dead sender's PENDING), a scan frees by CAS before it
 * says so: one of the two wins.
 */
const CHANGES = 0
const HIGH = 1
const FIRST_ENTRY = 4
const ENTRY_WORDS = 2
const TOKEN = 1

const FREE = 0
const HELD = 1
const PENDING = 2
const COMMITTED = 3
const STATE_BITS = 2
const STATE_MASK = 3
/** 29 bits: a flight's number returns after 5 × 10^8 further entries in one table. */
const TOKEN_MASK = 0x1fff_ffff

export const HOLDERS_ENTRIES = 254
export const HOLDERS_BYTES = (FIRST_ENTRY + HOLDERS_ENTRIES * ENTRY_WORDS) * 4

/** One reference carried by one message. Travels in the message as two numbers. */
export interface Flight {
  readonly entry: number
  readonly token: number
}

export class Holders {
  readonly #agent: Agent
  readonly #words: Int32Array
  readonly #base: number
  readonly #held: number

  /** The table at word `base` of `words`; HOLDERS_BYTES long, zero when new. */
  constructor(agent: Agent, words: Int32Array, base: number) {
    this.#agent = agent
    this.#words = words
    this.#base = base
    this.#held = (agent.id << STATE_BITS) | HELD
  }

  /**
   * This thread holds the object from now on. Nothing changes if it already does. The object must be held by this thread's
   * flight (or be its own new one) during the call.
   * @throws ERR_MULTIPROC_NO_MEMORY when all 254 entries are taken.
   */
  join(): void {
    if (this.#isHeldHere()) return
    this.#claim('join')
    this.#agent.ops.add(this.#words, this.#base + CHANGES, 1)
  }

  /**
   * Joins without a flight, if others keep the object alive. The caller makes sure that the memory stays (the allocator's
   * `attach()` does). Returns false, with nothing changed, if nobody else has it.
   */
  tryJoin(): boolean {
    if (this.#isHeldHere()) return true
    this.join()
    // Rule 1 does not cover this entry: a scan may have missed it and called the object ended. Not so if anybody else's
    // still stands after our CHANGES + 1.
    if (this.anyLiveOther()) return true
    this.leave()
    return false
  }

  /** This thread no longer holds the object. Nothing changes if it did not. Flights stay. */
  leave(): void {
    const { ops } = this.#agent
    const high = this.#high()
    // All of them: an exception inside launch() may have left a second one.
    for (let entry = 0; entry < high; entry++) {
      if (ops.load(this.#words, this.#at(entry)) === this.#held) ops.store(this.#words, this.#at(entry), FREE)
    }
  }

  /**
   * A reference for a message that is being made: counts while this thread lives, and for good after `commit()`.
   * @throws ERR_MULTIPROC_NO_MEMORY when all 254 entries are taken.
   */
  launch(): Flight {
    const { ops } = this.#agent
    // Claimed as HELD: a PENDING entry must never be seen with the token of a flight before it (adoptFlight would match).
    const entry = this.#claim('launch')
    const token = (ops.add(this.#words, this.#base + CHANGES, 1) + 1) & TOKEN_MASK
    ops.store(this.#words, this.#at(entry) + TOKEN, token)
    // PUBLISH(A2): the token above is visible to OBSERVE(A2) in #flightState()
    ops.store(this.#words, this.#at(entry), (this.#agent.id << STATE_BITS) | PENDING)
    return { entry, token }
  }

  /** The message was published: the reference counts until somebody lands it. Nothing changes if somebody has it already. */
  commit(flight: Flight): void {
    this.#agent.ops.compareExchange(
      this.#words,
      this.#at(flight.entry),
      (this.#agent.id << STATE_BITS) | PENDING,
      (flight.token << STATE_BITS) | COMMITTED,
    )
  }

  /** The message will not be published. */
  abort(flight: Flight): void {
    this.#agent.ops.compareExchange(this.#words, this.#at(flight.entry), (this.#agent.id << STATE_BITS) | PENDING, FREE)
  }

  /**
   * The message was taken out by this thread and dies with it. True also makes sure that the object is there until
   * `land()`, even if the sender died before its `commit()`. False: the reference is void, the object may be gone.
   */
  adoptFlight(entry: number, token: number): boolean {
    return this.#replaceFlight(entry, token, (this.#agent.id << STATE_BITS) | PENDING)
  }

  /**
   * The reference of a message ends. A receiver that wants the object has joined before. Returns false if it had ended.
   */
  land(entry: number, token: number): boolean {
    return this.#replaceFlight(entry, token, FREE)
  }

  /** False is final: nobody holds the object, no message carries it, and nobody ever will again. */
  anyLive(): boolean {
    return this.#scan(FREE)
  }

  /** The same, this thread's own holding apart. */
  anyLiveOther(): boolean {
    return this.#scan(this.#held)
  }

  /** The living threads that hold the object or are sending it, each once. For watching, so a snapshot is enough. */
  liveThreads(): number[] {
    const ids = new Set<number>()
    for (const state of this.#states()) {
      const kind = state & STATE_MASK
      if ((kind === HELD || kind === PENDING) && !this.#isDeadOwner(state)) ids.add(state >>> STATE_BITS)
    }
    return [...ids]
  }

  /** One living thread that holds the object, or 0. A snapshot. */
  firstHeld(): number {
    for (const state of this.#states()) {
      if ((state & STATE_MASK) === HELD && !this.#isDeadOwner(state)) return state >>> STATE_BITS
    }
    return 0
  }

  /** Whether a message carries the object. A snapshot. */
  hasFlights(): boolean {
    for (const state of this.#states()) {
      const kind = state & STATE_MASK
      if (kind === COMMITTED || (kind === PENDING && !this.#isDeadOwner(state))) return true
    }
    return false
  }

  #at(entry: number): number {
    return this.#base + FIRST_ENTRY + entry * ENTRY_WORDS
  }

  #high(): number {
    return Math.min(this.#agent.ops.load(this.#words, this.#base + HIGH), HOLDERS_ENTRIES)
  }

  *#states(): Generator<number> {
    const high = this.#high()
    for (let entry = 0; entry < high; entry++) yield this.#agent.ops.load(this.#words, this.#at(entry))
  }

  #isHeldHere(): boolean {
    for (const state of this.#states()) if (state === this.#held) return true
    return false
  }

  /** HELD or PENDING of a thread that is gone. */
  #isDeadOwner(state: number): boolean {
    const kind = state & STATE_MASK
    return (kind === HELD || kind === PENDING) && this.#agent.isDead(state >>> STATE_BITS)
  }

  /** Takes an entry for this thread, as HELD. */
  #claim(call: string): number {
    const { ops } = this.#agent
    for (let entry = 0; entry < HOLDERS_ENTRIES; entry++) {
      const state = ops.load(this.#words, this.#at(entry))
      if (state !== FREE && !this.#isDeadOwner(state)) continue
      this.#raiseHigh(entry + 1) // before the CAS: an entry in use is never above HIGH
      // Failure: another thread claimed it, or adopted the dead sender's flight; the next entry will do.
      if (ops.compareExchange(this.#words, this.#at(entry), state, this.#held) === state) return entry
    }
    throw new MultiprocError(
      'ERR_MULTIPROC_NO_MEMORY',
      `holders.${call}() failed: ${HOLDERS_ENTRIES} threads and messages hold this object, its table has no more entries. Close handles, or take messages that carry it.`,
      { details: { limit: HOLDERS_ENTRIES } },
    )
  }

  #raiseHigh(high: number): void {
    const { ops } = this.#agent
    let seen = ops.load(this.#words, this.#base + HIGH)
    while (seen < high) {
      const was = ops.compareExchange(this.#words, this.#base + HIGH, seen, high)
      if (was === seen) return
      seen = was // another thread raised it
    }
  }

  /** The state word of this very flight, or FREE if it has ended. */
  #flightState(entry: number, token: number): number {
    const { ops } = this.#agent
    const state = ops.load(this.#words, this.#at(entry)) // OBSERVE(A2)
    if (state === ((token << STATE_BITS) | COMMITTED)) return state
    if ((state & STATE_MASK) === PENDING && ops.load(this.#words, this.#at(entry) + TOKEN) === token) return state
    return FREE
  }

  #replaceFlight(entry: number, token: number, next: number): boolean {
    if (entry >= HOLDERS_ENTRIES) return false
    for (;;) {
      const state = this.#flightState(entry, token)
      if (state === FREE) return false
      // Failure: the sender committed, or a scan freed a dead sender's; look again. No ABA: only who has the message
      // replaces its flight, and a token is used once.
      if (this.#agent.ops.compareExchange(this.#words, this.#at(entry), state, next) === state) return true
    }
  }

  #scan(except: number): boolean {
    const { ops } = this.#agent
    for (;;) {
      const changes = ops.load(this.#words, this.#base + CHANGES)
      const high = this.#high()
      for (let entry = 0; entry < high; entry++) if (this.#counts(entry, except)) return true
      // Rule 2 above. Lock-free: another round means that somebody else has added an entry.
      if (ops.load(this.#words, this.#base + CHANGES) === changes) return false
    }
  }

  #counts(entry: number, except: number): boolean {
    const { ops } = this.#agent
    for (;;) {
      const state = ops.load(this.#words, this.#at(entry))
      if (state === FREE || state === except) return false
      if (!this.#isDeadOwner(state)) return true
      // Its owner may have died after it went on from this state (a launched entry is HELD first): look again if it did.
      if ((state & STATE_MASK) === HELD) {
        if (ops.load(this.#words, this.#at(entry)) === state) return false
        continue
      }
      // A dead sender's: freed before it is said not to count. Failure: adopted, or landed; look again.
      if (ops.compareExchange(this.#words, this.#at(entry), state, FREE) === state) return false
    }
  }
}
