import { Socket } from 'node:net'
import { T_PID, T_PIPE_INODE, T_PIPE_NUMBER } from '../arena/thread-table.ts'
import type { Os } from '../os/contract.ts'
import { idAtHome, type Families } from '../parking/families.ts'
import { probeDeath } from './probe.ts'

/** The pipe closes some milliseconds before the kernel marks the life word, which alone says "dead". */
const MARK_WAIT_MS = 1
/** Where the pipe cannot be opened (no permission), the word is looked at this often. */
const BLIND_LOOK_MS = 50
/** Opening and closing a watch costs 60 µs, ten times a round trip: one that is not needed any more is kept for this long. */
const KEEP_MS = 1000

interface Watched {
  readonly id: number
  readonly told: Set<() => void>
  reader: Socket | undefined
  timer: NodeJS.Timeout | undefined
  /** Runs from the last time that nobody watched any more. */
  unneeded: NodeJS.Timeout | undefined
  /** The pipe ended, so the mark is due. */
  ended: boolean
}

/** Tells an event loop of the deaths of other threads. A descriptor is open for each thread that somebody waits for, and a little longer. */
export class DeathWatch {
  private readonly os: Os
  private readonly families: Families
  private readonly watched = new Map<number, Watched>()

  constructor(os: Os, families: Families) {
    this.os = os
    this.families = families
  }

  watch(id: number, told: () => void): () => void {
    let entry = this.watched.get(id)
    if (entry === undefined) {
      entry = { id, told: new Set(), reader: undefined, timer: undefined, unneeded: undefined, ended: false }
      this.watched.set(id, entry)
      this.open(entry)
    }
    const { told: tellAll } = entry
    // A wrapper of its own, so that one function may watch twice.
    const tell = () => told()
    tellAll.add(tell)
    return () => {
      if (tellAll.delete(tell) && tellAll.size === 0) this.closeLater(entry)
    }
  }

  private closeLater(entry: Watched): void {
    if (this.watched.get(entry.id) !== entry) return
    if (entry.unneeded) entry.unneeded.refresh()
    else entry.unneeded = setTimeout(() => entry.told.size === 0 && this.close(entry), KEEP_MS).unref()
  }

  private open(entry: Watched): void {
    const { os } = this
    if (this.families.isDead(entry.id)) return this.lookSoon(entry, 0)
    const { table, place } = this.families.of(entry.id)
    // OBSERVE(L1): with the number comes the inode.
    const number = table.ops.load(table.words, table.at(entry.id, T_PIPE_NUMBER))
    const inode = table.ops.load(table.words, table.at(entry.id, T_PIPE_INODE))
    const pid = table.ops.load(table.words, table.at(entry.id, T_PID))
    const fd = number === 0 ? -1 : os.reopenPipe(pid, place === '' ? { number, inode } : { number, inode, place }, 'read')
    if (fd < 0) return this.lookSoon(entry, MARK_WAIT_MS)
    const reader = new Socket({ fd, readable: true, writable: false })
    entry.reader = reader
    reader.on('error', () => {})
    reader.on('close', () => {
      if (entry.reader !== reader) return
      entry.reader = undefined
      entry.ended = true
      this.look(entry)
    })
    reader.resume()
    reader.unref()
    // A named pipe whose writer was gone before it was opened never ends, so after the opening it is asked once.
    if (!os.marksDeath) this.probe(entry)
    if (this.families.isDead(entry.id)) this.lookSoon(entry, 0)
  }

  private look(entry: Watched): void {
    if (this.watched.get(entry.id) !== entry) return
    entry.timer = undefined
    if (!this.os.marksDeath && !this.families.isDead(entry.id)) this.probe(entry)
    if (this.families.isDead(entry.id)) {
      this.close(entry)
      for (const tell of entry.told) tell()
      return
    }
    if (entry.ended) return this.lookSoon(entry, MARK_WAIT_MS)
    // Not open yet (it is still joining), or not to be opened by us.
    this.open(entry)
    if (entry.reader === undefined) this.lookSoon(entry, BLIND_LOOK_MS)
  }

  private probe({ id }: Watched): void {
    const { table, place } = this.families.of(id)
    probeDeath(this.os, table, idAtHome(id), place)
  }

  private lookSoon(entry: Watched, delayMs: number): void {
    clearTimeout(entry.timer)
    entry.timer = setTimeout(() => this.look(entry), delayMs).unref()
  }

  private close(entry: Watched): void {
    if (this.watched.get(entry.id) === entry) this.watched.delete(entry.id)
    clearTimeout(entry.timer)
    clearTimeout(entry.unneeded)
    const { reader } = entry
    entry.reader = undefined
    reader?.destroy()
  }
}
