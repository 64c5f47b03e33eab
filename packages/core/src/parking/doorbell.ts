/**
 * Doorbell: how others wake a thread that waits in its event loop. One anonymous pipe per thread, opened at its first async
 * wait; a byte in it is a ring. What happened is never in the bell: whoever hears it looks at memory.
 *
 * BELL (in the slot) = sequence << 1 | rung
 *   ringer   reads BELL; rung: done, a byte is on its way and the look it causes is still to come. Else it writes a byte,
 *            then CAS(seen -> seen | 1), which fails if the reader began a new sequence meanwhile: then that look is to come.
 *   reader   takes the bytes, then BELL := (BELL | 1) + 1, a new sequence and not rung, then looks.
 *
 * Death of a ringer              leaves                    who repairs
 *   before its byte              nothing                   the next ringer rings
 *   between byte and CAS         a byte, not rung          the reader takes the byte
 * Rung is set after the byte, so no dead or stopped ringer can silence the bell. At most one byte per concurrent ringer is
 * in the pipe, so it is never full for long; a full one is a bell that rings.
 */
import { closeSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { T_BELL, T_BELL_INODE, T_BELL_NUMBER, T_PID, type ThreadTable } from '../arena/thread-table.ts'
import type { Os, PipeName } from '../os/contract.ts'
import type { Families } from './families.ts'
import { openSideBell, ringSideBell } from './side-bell.ts'

const byte = Buffer.from([1])

/** A ring that could not be delivered (no descriptor left, no permission) is tried again after this long, doubled each time. */
const FIRST_RETRY_MS = 10
const LAST_RETRY_MS = 1000

/**
 * The two halves of the protocol over shared words, without the pipe: what the model tests run. `writeByte` says whether
 * the byte is in the pipe; so does the result.
 */
export function ringWord(table: ThreadTable, id: number, writeByte: () => boolean): boolean {
  const at = table.at(id, T_BELL)
  // OBSERVE(B1): a rung bit was set after a byte that the reader has not taken into account yet.
  const seen = table.ops.load(table.words, at)
  if ((seen & 1) !== 0) return true
  if (!writeByte()) return false
  // PUBLISH(B1): the byte is in the pipe.
  table.ops.compareExchange(table.words, at, seen, seen | 1)
  return true
}

export function drainWord(table: ThreadTable, id: number): void {
  const at = table.at(id, T_BELL)
  // {sequence: sequence + 1, rung: 0}. A rung bit set between load and store belongs to a byte of this sequence.
  table.ops.store(table.words, at, ((table.ops.load(table.words, at) | 1) + 1) | 0)
}

/** One key for all threads that had the same slot, one after the other: {number of the family, slot}. */
function slotOf(id: number): number {
  return id - (id & 0x7ff_f000)
}

export class Doorbell {
  private readonly os: Os
  private readonly families: Families
  private readonly table: ThreadTable
  private readonly id: number
  private readonly looks = new Set<() => void>()
  private reader: Socket | undefined
  private ownEnd: Socket | undefined
  private references = 0
  private looksSoon = false
  /** Write ends of others' bells, by slot. */
  private readonly ends = new Map<number, { id: number; fd: number }>()

  constructor(os: Os, families: Families, id: number) {
    this.os = os
    this.families = families
    this.table = families.own.table
    this.id = id
  }

  onBell(look: () => void): () => void {
    this.open()
    this.looks.add(look)
    return () => this.looks.delete(look)
  }

  ref(): void {
    this.open()
    if (this.references++ === 0) this.reader?.ref()
  }

  unref(): void {
    if (--this.references === 0) this.reader?.unref()
  }

  /** Looks in a turn of its own: after a synchronous wait, and when this thread rings itself. */
  lookSoon(): void {
    if (this.looksSoon || this.looks.size === 0) return
    this.looksSoon = true
    setImmediate(() => {
      this.looksSoon = false
      this.look()
    })
  }

  ring(id: number): void {
    if (id === this.id) return this.lookSoon()
    this.ringOther(id, FIRST_RETRY_MS)
  }

  private ringOther(id: number, retryMs: number): void {
    if (this.families.isDead(id)) return
    const { table, place } = this.families.of(id)
    // OBSERVE(B2): with the number comes the inode. No bell: that thread waits for nothing in its event loop.
    const number = table.ops.load(table.words, table.at(id, T_BELL_NUMBER))
    if (number === 0) return
    const inode = table.ops.load(table.words, table.at(id, T_BELL_INODE))
    const pid = table.ops.load(table.words, table.at(id, T_PID))
    const rung = ringWord(table, id, () => {
      const fd = this.endOf(id, pid, place === '' ? { number, inode } : { number, inode, place })
      return fd >= 0 && this.writeByte(id, fd)
    })
    if (rung) return
    if (this.os.pipesCanBeBarred) ringSideBell(pid, inode)
    // Heard means a new sequence; until then it is rung again, or a wake-up would be lost for want of a descriptor.
    const bell = table.at(id, T_BELL)
    const sequence = table.ops.load(table.words, bell)
    setTimeout(() => {
      if (table.ops.load(table.words, bell) === sequence) this.ringOther(id, Math.min(retryMs * 2, LAST_RETRY_MS))
    }, retryMs).unref()
  }

  private look(): void {
    for (const look of this.looks) look()
  }

  private open(): void {
    if (this.reader !== undefined) return
    const { os, table, id } = this
    const pipe = os.openPipe()
    const heard = () => {
      drainWord(table, id)
      this.look()
      return true
    }
    this.reader = new Socket({ fd: pipe.readFd, readable: true, writable: false, onread: { buffer: Buffer.alloc(256), callback: heard } })
    // An own write end, or the pipe would end with the first ringer that closes. Both belong to handles of the loop, which
    // closes them at `terminate()`.
    this.ownEnd = new Socket({ fd: pipe.writeFd, readable: false, writable: true })
    for (const end of [this.reader, this.ownEnd]) {
      end.on('error', () => {})
      end.unref()
    }
    if (os.pipesCanBeBarred && os.isBarred()) openSideBell(process.pid, pipe.inode, heard)
    table.ops.store(table.words, table.at(id, T_BELL_INODE), pipe.inode)
    // PUBLISH(B2): the inode by which a ringer knows that it opened the right pipe.
    table.ops.store(table.words, table.at(id, T_BELL_NUMBER), pipe.number)
  }

  private endOf(id: number, pid: number, name: PipeName): number {
    const slot = slotOf(id)
    const known = this.ends.get(slot)
    if (known?.id === id) return known.fd
    this.forgetTheDead()
    const fd = this.os.reopenPipe(pid, name, 'write')
    if (fd >= 0) {
      this.forget(slot)
      this.ends.set(slot, { id, fd })
    }
    return fd
  }

  private writeByte(id: number, fd: number): boolean {
    try {
      writeSync(fd, byte)
    } catch (error) {
      // EAGAIN: full of bytes that will be heard. EPIPE: its owner is gone.
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return true
      this.forget(slotOf(id))
      return false
    }
    return true
  }

  /** Runs when a new end is opened, so there are never more dead ends than living ones were before. */
  private forgetTheDead(): void {
    for (const [slot, end] of this.ends) {
      if (this.families.isDead(end.id)) this.forget(slot)
    }
  }

  private forget(slot: number): void {
    const end = this.ends.get(slot)
    if (end === undefined) return
    this.ends.delete(slot)
    closeSync(end.fd)
  }
}
