/**
 * The threads that use a named object. They belong to different families, whose ids say nothing to each other, so each gets
 * an id of its own here. An entry tells where the thread's own family has it: there, in the family's table of threads, it
 * is woken and its death is seen, as its own family does it.
 *
 * Layout v1 (int32 words of an entry; there are 256, entry = id mod 256)      | writer       | reader
 *   0   ID      0 free, else 27 bits: counted up, so never used twice          | participant  | all
 *   1   PID, 2 START of the process                                            | participant  | all
 *   3   FD, 4 INODE of its family's arena, in that process                     | participant  | all
 *   5   THREAD  its id in that family                                          | participant  | all
 *   6, 7 spare
 * Entries are claimed under the folder's lock. A free one, and one of a thread that is dead, may be claimed.
 *
 * Death of                       leaves             who repairs, how
 *   a participant                its entry          its family's table says that it is dead; the next claim takes the entry
 *   a claimer before ID          an entry, free     nobody need
 *   a whole family               the same           where nobody has its table mapped: its process is gone, so it is dead
 */
import { closeSync, fstatSync, openSync } from 'node:fs'
import { arena } from '../arena/family.ts'
import { ARENA_MAGIC, H_BACKEND, H_MAGIC, H_VERSION, LAYOUT_VERSION, PLACE_BYTES, PLACE_OFFSET, THREAD_SLOT_BYTES, THREAD_SLOTS, THREAD_TABLE_OFFSET } from '../arena/layout.ts'
import { atomics } from '../arena/atomics.ts'
import { ThreadTable } from '../arena/thread-table.ts'
import { oneTable } from '../one-table.ts'
import type { Window } from '../os/contract.ts'
import { inodeOf } from '../os/posix.ts'
import { os } from '../os/recommended.ts'
import { currentThread } from '../parking/current-thread.ts'
import { farId } from '../parking/families.ts'

export const PARTICIPANTS = 256
const WORDS = 8
export const PARTICIPANTS_BYTES = PARTICIPANTS * WORDS * 4
const ID = 0
const PID = 1
const START = 2
const FD = 3
const INODE = 4
const THREAD = 5

const ID_MASK = 0x7ff_ffff

/** How a participant is reached. `GONE`: it can never run again; `HIDDEN`: it may be alive, and cannot be reached. */
export const GONE = -1
export const HIDDEN = -2

export class Participants {
  readonly #words: Int32Array
  readonly #base: number
  readonly #next: number
  /** By id: the thread as `currentThread()` knows it. */
  readonly #threads = new Map<number, number>()

  /** `next`: the word with the last id given. */
  constructor(words: Int32Array, base: number, next: number) {
    this.#words = words
    this.#base = base
    this.#next = next
  }

  /** Under the folder's lock: an id for this thread; 0 if there are 256. */
  claim(): number {
    for (let tries = 0; tries < PARTICIPANTS; tries++) {
      const id = (atomics.load(this.#words, this.#next) + 1) & ID_MASK || PARTICIPANTS
      atomics.store(this.#words, this.#next, id)
      const before = this.#get(id, ID)
      if (before !== 0 && this.threadOf(before) !== GONE) continue
      this.#threads.delete(before)
      const { fd } = arena()
      const pid = process.pid
      for (const [field, value] of [[ID, 0], [PID, pid], [START, os().startOf(pid)], [FD, fd], [INODE, inodeOf(fd)], [THREAD, currentThread().id]] as const) {
        atomics.store(this.#words, this.#at(id, field), value)
      }
      // PUBLISH(N1): the entry, to OBSERVE(N1) in threadOf().
      atomics.store(this.#words, this.#at(id, ID), id)
      this.#threads.set(id, currentThread().id)
      return id
    }
    return 0
  }

  leave(id: number): void {
    atomics.store(this.#words, this.#at(id, ID), 0)
  }

  /** The ids of all that may be alive, this thread's among them. */
  living(): number[] {
    return this.taken().filter((id) => this.threadOf(id) !== GONE)
  }

  /** The ids of all entries, for tools; and what is known of them without reaching them. */
  taken(): number[] {
    return Array.from({ length: PARTICIPANTS }, (_, entry) => this.#get(entry, ID)).filter((id) => id !== 0)
  }

  pidOf(id: number): number {
    return this.#get(id, PID)
  }

  isProcessAlive(id: number): boolean {
    return !os().isProcessDead(this.#get(id, PID), this.#get(id, START))
  }

  /** The id by which `currentThread()` reaches that participant, or GONE or HIDDEN. */
  threadOf(id: number): number {
    // OBSERVE(N1): another id, or none: it has left. What it held it gave back before.
    if (this.#get(id, ID) !== id) {
      this.#threads.delete(id)
      return GONE
    }
    const known = this.#threads.get(id)
    if (known !== undefined) return currentThread().isDead(known) ? GONE : known
    const [pid, start, fd, inode, thread] = [PID, START, FD, INODE, THREAD].map((field) => this.#get(id, field)) as [number, number, number, number, number]
    // Left while we read.
    if (this.#get(id, ID) !== id) return GONE
    const family = inode === inodeOf(arena().fd) ? 0 : familyOf(pid, fd, inode)
    if (family === undefined) return os().isProcessDead(pid, start) ? GONE : HIDDEN
    const reached = farId(family, thread)
    this.#threads.set(id, reached)
    return currentThread().isDead(reached) ? GONE : reached
  }

  #get(id: number, field: number): number {
    return atomics.load(this.#words, this.#at(id, field))
  }

  #at(id: number, field: number): number {
    return this.#base + (id % PARTICIPANTS) * WORDS + field
  }
}

interface Mapped {
  readonly number: number
  readonly table: ThreadTable
  readonly pages: Pick<Window, 'address' | 'pagesLength'>
}

/** Tables of other families, by the inode of their arena. A mapping keeps the whole arena, so it goes with its last thread. */
const mapped = oneTable('families', () => new Map<number, Mapped>())
const TABLE_BYTES = THREAD_TABLE_OFFSET + THREAD_SLOTS * THREAD_SLOT_BYTES

function familyOf(pid: number, arenaFd: number, inode: number): number | undefined {
  const known = mapped.get(inode)
  if (known !== undefined) return known.number
  forgetDeadFamilies()
  let fd: number
  try {
    fd = openSync(`/proc/${pid}/fd/${arenaFd}`, 'r+')
  } catch {
    return undefined
  }
  try {
    // Another file by now: that process is dead, and its pid was used again; or it will be found dead.
    if (inodeOf(fd) !== inode || fstatSync(fd, { bigint: true }).size < BigInt(TABLE_BYTES)) return undefined
    const { buffer, ...pages } = os().mapWindow(fd, 0, TABLE_BYTES)
    const words = new Int32Array(buffer)
    if (words[H_MAGIC] !== ARENA_MAGIC || words[H_VERSION] !== LAYOUT_VERSION || words[H_BACKEND] !== os().backend) {
      os().blank(pages)
      return undefined
    }
    const place = Buffer.from(buffer, PLACE_OFFSET, PLACE_BYTES)
    const table = new ThreadTable(atomics, words)
    const number = currentThread().meet({ table, chunk: { words, address: pages.address }, place: place.toString('utf8', 0, place.indexOf(0)) })
    mapped.set(inode, { number, table, pages })
    return number
  } finally {
    closeSync(fd)
  }
}

/** Blank tables say of every thread that it is dead. */
export function forgetDeadFamilies(): void {
  for (const [inode, { number, table, pages }] of mapped) {
    if (table.living().length > 0) continue
    mapped.delete(inode)
    os().blank(pages)
    currentThread().part(number)
  }
}
