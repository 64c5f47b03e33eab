/**
 * Parking: how a thread sleeps in a synchronous wait, and how others wake it. One word per thread (PARK in its slot).
 *
 * PARK bit  set by               cleared by                 meaning
 *   TOKEN 1   waker                owner, when it returns     look again
 *   STOP 2    requestStop          never                      leave the wait for good: V8 is about to end this thread
 *   SLEEP 4   owner, before sleep  owner, when it returns     a waker must call the system
 *
 * No wake-up is missed. A waiter first shows itself (its waiter slot says "waiting"), then looks at what it waits for, then
 * parks. A waker first changes what is waited for, then looks for waiters, then sets TOKEN. So one of them sees the other:
 * either the look finds the change, or the waker finds the waiter. TOKEN set before SLEEP makes the CAS of `park` fail;
 * set after it, the word is no longer what the system was told to expect, or the sleeper is woken.
 *
 * PARKED (in FLAGS) tells releasers that this thread's event loop stands still, so what they offered to an async waiter of
 * this thread would lie idle. It is set first; then the hooks pass on what was offered before it was seen.
 *
 * Death while asleep      leaves                                 who repairs, how
 *   the sleeper           TOKEN or SLEEP in a dead slot          nobody: the next claimer clears the words
 *   a watched thread      its LIFE marked, one sleeper woken     that one wakes all others of the word
 *   the one first told    the others asleep                      the system wakes the next (list_op_pending, see os/linux.ts)
 */
import { PARKED, T_CPU, T_FLAGS, T_LIFE, T_PARK, type ThreadTable } from '../arena/thread-table.ts'
import { OWNER_DIED, type Os, type SharedWords, type WatchedWord } from '../os/contract.ts'
import { monotonicMs } from '../os/clock.ts'
import type { Families } from './families.ts'

const TOKEN = 1
const STOP = 2
const SLEEP = 4
/** How long a stopped thread naps before it runs some JavaScript again, in which V8 can end it. */
const NAP_MS = 1
/** Where the system marks no death, each watched thread is asked for this often. */
const PROBE_MS = 200

export class Parking {
  private readonly os: Os
  private readonly families: Families
  private readonly table: ThreadTable
  private readonly chunk: SharedWords
  private readonly id: number
  private readonly sliceMs: number
  private readonly blockMs: number
  private readonly probe: (id: number) => void
  private readonly hooks = new Set<() => void>()
  private readonly lives: { -readonly [K in keyof WatchedWord]: WatchedWord[K] }[] = []

  /**
   * `sliceMs` bounds one sleep: a Worker that somebody else may terminate has to come back to JavaScript now and then.
   * `blockMs` bounds what blocks in other ways, where STOP wakes nobody.
   */
  constructor(os: Os, families: Families, id: number, sliceMs: number, blockMs: number, probe: (id: number) => void) {
    this.os = os
    this.families = families
    this.table = families.own.table
    this.chunk = families.own.chunk
    this.id = id
    this.sliceMs = sliceMs
    this.blockMs = blockMs
    this.probe = probe
  }

  onPark(pass: () => void): () => void {
    this.hooks.add(pass)
    return () => this.hooks.delete(pass)
  }

  park(deadlineMs: number, watched: readonly number[]): void {
    this.enter()
    try {
      this.sleep(deadlineMs, watched)
    } finally {
      this.leave()
    }
  }

  block<T>(body: (sliceMs: number) => T): T {
    this.enter()
    try {
      const stopped = (this.table.ops.load(this.table.words, this.table.at(this.id, T_PARK)) & STOP) !== 0
      return body(stopped ? NAP_MS : this.blockMs)
    } finally {
      this.leave()
    }
  }

  unpark(id: number): void {
    this.set(id, TOKEN)
  }

  requestStop(id: number): void {
    this.set(id, STOP)
  }

  /** Notes on which core this thread runs, for those who think about spinning for it. */
  noteCpu(): number {
    const cpu = this.os.currentCpu()
    this.table.ops.store(this.table.words, this.table.at(this.id, T_CPU), cpu + 1)
    return cpu
  }

  private enter(): void {
    this.table.ops.store(this.table.words, this.table.at(this.id, T_FLAGS), PARKED)
    for (const pass of this.hooks) pass()
  }

  private leave(): void {
    this.table.ops.store(this.table.words, this.table.at(this.id, T_FLAGS), 0)
    this.noteCpu()
  }

  private set(id: number, bit: number): void {
    const { table, chunk } = this.families.of(id)
    const at = table.at(id, T_PARK)
    const before = table.ops.or(table.words, at, bit)
    if ((before & SLEEP) !== 0) this.os.wake(chunk, at, false)
  }

  private sleep(deadlineMs: number, watched: readonly number[]): void {
    const { ops, words } = this.table
    const at = this.table.at(this.id, T_PARK)
    if (this.takeToken(at)) return
    // A signal whose handler is JavaScript ends a timed sleep early and an untimed one not at all; either way the caller
    // looks again and comes back.
    let untilMs = Math.min(deadlineMs, this.sliceMs === Infinity ? Infinity : monotonicMs() + this.sliceMs)
    if ((ops.load(words, at) & STOP) !== 0) untilMs = Math.min(untilMs, monotonicMs() + NAP_MS)
    if (!this.os.marksDeath && watched.length > 0) untilMs = Math.min(untilMs, monotonicMs() + PROBE_MS)
    const expected = ops.or(words, at, SLEEP) | SLEEP
    // The words that were judged alive are the ones to sleep on: a mark in between makes the sleep end at once.
    if ((expected & TOKEN) === 0 && this.judge(watched)) {
      this.os.sleep(this.chunk, at, expected, this.lives, untilMs)
    }
    ops.and(words, at, ~(SLEEP | TOKEN))
    this.passDeathsOn(watched)
  }

  private takeToken(at: number): boolean {
    const { ops, words } = this.table
    if ((ops.load(words, at) & TOKEN) === 0) return false
    ops.and(words, at, ~TOKEN)
    return true
  }

  /** False if one of them is dead. LIFE is read before GEN, as `isDead` does. */
  private judge(watched: readonly number[]): boolean {
    const { lives, families } = this
    lives.length = watched.length
    for (let i = 0; i < watched.length; i++) {
      const id = watched[i] as number
      const { table, chunk } = families.of(id)
      const word = (lives[i] ??= { chunk, index: 0, expected: 0 })
      word.chunk = chunk
      word.index = table.at(id, T_LIFE)
      word.expected = table.ops.load(table.words, word.index)
      if ((word.expected & OWNER_DIED) !== 0 || families.isDead(id)) return false
    }
    return true
  }

  /** The system wakes one sleeper of a marked word: that one wakes the others. */
  private passDeathsOn(watched: readonly number[]): void {
    for (const id of watched) {
      if (!this.os.marksDeath && !this.families.isDead(id)) this.probe(id)
      if (!this.families.isDead(id)) continue
      const { table, chunk } = this.families.of(id)
      this.os.wake(chunk, table.at(id, T_LIFE), true)
    }
  }
}
