import { closeSync, constants, existsSync, fstatSync, ftruncateSync, mkdtempSync, openSync, readdirSync, rmSync, unlinkSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { isMainThread, threadId } from 'node:worker_threads'
import { atomics } from '../arena/atomics.ts'
import { monotonicMs } from './clock.ts'
import type { ChildExit, Identity, Mapping, Os, OsPipe, PipeEnd, PipeName, SharedWords, WatchedWord, Window } from './contract.ts'
import { blankWindow, fillFile, inodeOf, loadLibc, lockFile, MAP_SHARED, mapMemory, mapWindow, nap, O_CLOEXEC, openPipeEnd, peekChild, reserve, systemError } from './posix.ts'
import type { Libc, WaitFlavour } from './posix.ts'
import { isDeadByProc, readStat } from './proc.ts'

/**
 * Any POSIX system: an unlinked private file mapped by everyone, sleeping in short slices, named pipes in a private folder.
 * Slower to wake (at most 20 ms) and to tell of a death (the next look of whoever waits), the same in every other way.
 * macOS gets this one; on Linux `MULTIPROC_BACKEND=portable` forces it.
 */
const LONGEST_SLICE_MS = 20
const PLACE_PREFIX = 'multiproc-'
/** As mkdtemp makes it: prefix, pid of the founder, six characters. Nothing else of that folder is ours to remove. */
const PLACE = /^multiproc-\d+-[A-Za-z0-9]{6}$/

const darwin = process.platform === 'darwin'
const siginfo: WaitFlavour = darwin
  ? { nowait: 0x20, codeAt: 8, pidAt: 12, statusAt: 20 }
  : { nowait: 0x0100_0000, codeAt: 8, pidAt: 16, statusAt: 24 }

class PortableOs implements Os {
  readonly name = 'portable'
  readonly backend = 2
  readonly marksDeath = false
  readonly pipesCanBeBarred = false
  private readonly libc: Libc = loadLibc()
  private readonly mkfifo: (path: string, mode: number) => number
  private place = ''
  private pipes = 0

  constructor() {
    this.mkfifo = this.libc.koffi.load(null).func('mkfifo', 'int', ['str', 'uint'])
  }

  createMemory(): { fd: number; place: string } {
    for (const name of readdirSync(tmpdir())) {
      if (PLACE.test(name)) this.removeUnused(join(tmpdir(), name))
    }
    // 0700, made by mkdtemp under a name nobody could guess.
    const place = mkdtempSync(join(tmpdir(), `${PLACE_PREFIX}${process.pid}-`))
    this.usePlace(place)
    return { fd: this.unlinked(), place }
  }

  usePlace(place: string): void {
    this.place = place
    if (isMainThread) process.once('exit', () => this.removeUnused(place, process.pid))
  }

  growMemory(fd: number, bytes: number): void {
    const size = fstatSync(fd).size
    // Written, not only lengthened: a page that the disk has no room for would be a SIGBUS later.
    const zeros = Buffer.alloc(1024 * 1024)
    try {
      for (let at = size; at < bytes; ) at += writeSync(fd, zeros, 0, Math.min(zeros.length, bytes - at), at)
    } catch (error) {
      ftruncateSync(fd, size)
      throw error
    }
  }

  mapChunk(fd: number, offset: number, bytes: number): Mapping {
    return mapMemory(this.libc, fd, offset, bytes, MAP_SHARED)
  }

  punch(fd: number, offset: number, bytes: number): void {
    const zeros = Buffer.alloc(Math.min(bytes, 1024 * 1024))
    for (let done = 0; done < bytes; ) done += writeSync(fd, zeros, 0, Math.min(zeros.length, bytes - done), offset + done)
  }

  mapWindow(fd: number, offset: number, bytes: number): Window {
    return mapWindow(this.libc, fd, offset, bytes)
  }

  blank(window: Pick<Window, 'address' | 'pagesLength'>): void {
    blankWindow(this.libc, window)
  }

  reserve(fd: number, bytes: number): void {
    reserve(this.libc, fd, bytes)
  }

  createSealed(bytes: Uint8Array): number {
    return fillFile(this.unlinked(), bytes)
  }

  createScratch(): number {
    return this.unlinked()
  }

  identity(): Identity {
    // Only names a claimer of a slot (below CLAIMING's bit: pids have 22 bits), so it need not tell all threads apart.
    return { pid: process.pid, tid: process.pid * 64 + (threadId & 63), start: this.startOf(process.pid) }
  }

  guardLife(): void {}

  isTaskDead(tid: number): boolean {
    return this.isProcessDead(Math.floor(tid / 64), 0)
  }

  isProcessDead(pid: number, start: number): boolean {
    if (existsSync('/proc/self/stat')) return isDeadByProc(`/proc/${pid}`, start)
    try {
      process.kill(pid, 0)
      return false
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ESRCH'
    }
  }

  startOf(pid: number): number {
    const stat = readStat(`/proc/${pid}`)
    return typeof stat === 'string' ? 0 : stat.start
  }

  sleep(table: SharedWords, index: number, expected: number, watched: readonly WatchedWord[], deadlineMs: number): void {
    let slice = 1
    for (let slept = 0; slept < LONGEST_SLICE_MS * 5; slept += slice) {
      if (atomics.load(table.words, index) !== expected) return
      for (const { chunk, index, expected } of watched) if (atomics.load(chunk.words, index) !== expected) return
      const left = deadlineMs - monotonicMs()
      if (left <= 0) return
      nap(this.libc, Math.min(left, slice))
      slice = Math.min(slice * 2, LONGEST_SLICE_MS)
    }
    // The caller looks after deaths now, which nobody marks here, and comes again.
  }

  wake(): void {
    // A sleeper looks at its words by itself.
  }

  currentCpu(): number {
    return -1
  }

  lockFile(fd: number, how: 'exclusive' | 'shared' | 'unlocked', waitMs: number): boolean {
    return lockFile(this.libc, fd, how, waitMs)
  }

  openPipe(): OsPipe {
    const number = ++this.pipes * 256 + (threadId & 255)
    const path = this.pipePath(process.pid, number)
    if (existsSync(path)) unlinkSync(path)
    if (this.mkfifo(path, 0o600) !== 0) throw systemError(this.libc, 'mkfifo')
    const readFd = this.open(path, constants.O_RDONLY)
    const writeFd = this.open(path, constants.O_WRONLY)
    return { readFd, writeFd, number, inode: inodeOf(writeFd) }
  }

  reopenPipe(pid: number, name: PipeName, end: PipeEnd): number {
    return openPipeEnd(this.libc, this.pipePath(pid, name.number, name.place), name, end)
  }

  closeFd(fd: number): void {
    this.libc.close(fd)
  }

  isBarred(): boolean {
    return false
  }

  dieWithParent(): boolean {
    return false
  }

  openPidfd(): number {
    return -1
  }

  peekExit(pid: number, timeoutMs: number): ChildExit | 'running' | 'reaped' {
    const exit = peekChild(this.libc, siginfo, pid)
    if (exit !== 'running' || timeoutMs <= 0) return exit
    nap(this.libc, Math.min(timeoutMs, LONGEST_SLICE_MS))
    return peekChild(this.libc, siginfo, pid)
  }

  /**
   * Removes a family's folder once nobody who has a pipe in it lives: by the last to leave, or, after a kill, by the next
   * family. `leaving` lives, but not for long.
   */
  private removeUnused(place: string, leaving = 0): void {
    try {
      const founder = Number(basename(place).split('-')[1])
      const pids = [founder, ...readdirSync(place).map((name) => parseInt(name, 10))]
      if (pids.every((pid) => !(pid > 0) || pid === leaving || this.isProcessDead(pid, 0))) rmSync(place, { recursive: true, force: true })
    } catch {
      // Another user's, or being removed by somebody else.
    }
  }

  private pipePath(pid: number, number: number, place = this.place): string {
    return join(place, `${pid}-${number}`)
  }

  private open(path: string, flags: number): number {
    const fd = this.libc.open(path, flags | constants.O_NONBLOCK | O_CLOEXEC)
    if (fd < 0) throw systemError(this.libc, 'open')
    return fd
  }

  /** In the private folder, where no other user can see the name in the moment it has one. */
  private unlinked(): number {
    const folder = this.place === '' ? mkdtempSync(join(tmpdir(), `${PLACE_PREFIX}${process.pid}-`)) : this.place
    const path = join(folder, `memory-${process.pid}-${threadId}-${++this.pipes}`)
    // Not through `fs`: a Worker's `fs` would close it at the Worker's end.
    closeSync(openSync(path, 'wx+', 0o600))
    const fd = this.open(path, constants.O_RDWR)
    unlinkSync(path)
    if (folder !== this.place) rmSync(folder, { recursive: true, force: true })
    return fd
  }
}

export function openPortable(): Os {
  if (process.platform === 'win32') throw new Error('Windows has no mmap; its own backend is not written yet')
  return new PortableOs()
}
