import { constants } from 'node:fs'
import { isDeadByProc, readStat } from './proc.ts'
import { blankWindow, fillFile, inodeOf, loadLibc, lockFile, MAP_PRIVATE, MAP_SHARED, mapMemory, mapWindow, MAX_POLL_MS, nap, O_CLOEXEC, openPipeEnd, peekChild, reserve, systemError } from './posix.ts'
import type { Libc, WaitFlavour } from './posix.ts'
import { monotonicMs } from './clock.ts'
import type { ChildExit, Identity, Mapping, Os, OsPipe, PipeEnd, PipeName, SharedWords, WatchedWord, Window } from './contract.ts'

/**
 * Linux: one memfd, futexes, and the robust list, through which the kernel itself says that a thread died.
 *
 * The scratch page (private, never freed: the kernel reads it when the thread ends)
 *   0    robust list head: next, futex_offset, list_op_pending
 *   24   the list's only entry: next. It stands for the life word, at `entry + futex_offset`.
 *   64   a timespec
 *   128  128 entries of struct futex_waitv {u64 expected, u64 address, u32 flags, u32 zero}
 *
 * `set_robust_list` replaces the list glibc made for this thread. Only robust pthread mutexes of other native addons,
 * used on this very thread, would miss it.
 */
const HEAD = 0
const ENTRY = 24
const TIMESPEC = 64
const WAITV = 128
const WAITV_BYTES = 24
const WAITV_MAX = 128
const SCRATCH_BYTES = 4096

/** Numbers that differ between architectures; those from 424 on are the same everywhere. */
const numbers = {
  x64: { futex: 202, gettid: 186, fallocate: 285, memfdCreate: 319, setRobustList: 273, fcntl: 72, prctl: 157, pipe2: 293 },
  arm64: { futex: 98, gettid: 178, fallocate: 47, memfdCreate: 279, setRobustList: 99, fcntl: 25, prctl: 167, pipe2: 59 },
}
const SYS_pidfd_open = 434
const SYS_futex_waitv = 449

const FUTEX_WAIT = 0
const FUTEX_WAKE = 1
const FUTEX_SIZE_U32 = 2
const EVERYONE = 0x7fff_ffff
const CLOCK_MONOTONIC = 1
const F_SETPIPE_SZ = 1031
const F_ADD_SEALS = 1033
const SEAL_SEAL = 1
const SEAL_SHRINK = 2
const SEAL_GROW = 4
const SEAL_WRITE = 8
const MFD_CLOEXEC = 1
const MFD_ALLOW_SEALING = 2
const FALLOC_PUNCH_HOLE_KEEP_SIZE = 3
const PR_SET_PDEATHSIG = 1
const PR_GET_DUMPABLE = 3
const MAP_ANONYMOUS = 0x20
const POLLIN = 1
const EPERM = 1
const ENOSYS = 38
/** On kernels without futex_waitv (before 5.16) a death is seen after at most this long. */
const OLD_KERNEL_SLICE_MS = 100
/** On kernels without pidfd_open (before 5.3) the end of a child is seen after at most this long. */
const OLD_KERNEL_EXIT_SLICE_MS = 20

const siginfo: WaitFlavour = { nowait: 0x0100_0000, codeAt: 8, pidAt: 16, statusAt: 24 }

type Syscall = (number: number, a?: number, b?: number, c?: number, d?: number, e?: number, f?: number) => number

const addressOf = ({ chunk, index }: WatchedWord): number => chunk.address + index * 4

class LinuxOs implements Os {
  readonly name = 'linux'
  readonly backend = 1
  readonly marksDeath = true
  readonly pipesCanBeBarred = true
  private readonly libc: Libc
  private readonly nr: (typeof numbers)['x64']
  private readonly call: Syscall
  private readonly memfdCreate: (name: string, flags: number) => number
  private readonly getCpu: () => number
  private readonly scratch: Mapping
  private readonly longs: BigInt64Array
  private futexOffset = 0
  private hasWaitv = true

  constructor() {
    const nr = numbers[process.arch as keyof typeof numbers]
    if (nr === undefined) throw new Error(`the syscall numbers of ${process.arch} are not known`)
    this.nr = nr
    this.libc = loadLibc()
    const lib = this.libc.koffi.load(null)
    const syscall = lib.func('syscall', 'int64', ['int64', 'int64', 'int64', 'int64', 'int64', 'int64', 'int64'])
    this.call = (number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0) => syscall(number, a, b, c, d, e, f) as number
    this.memfdCreate = lib.func('memfd_create', 'int', ['str', 'uint'])
    this.getCpu = lib.func('sched_getcpu', 'int', [])
    this.scratch = mapMemory(this.libc, -1, 0, SCRATCH_BYTES, MAP_PRIVATE | MAP_ANONYMOUS)
    this.longs = new BigInt64Array(this.scratch.words.buffer, this.scratch.words.byteOffset, SCRATCH_BYTES / 8)
  }

  createMemory(): { fd: number; place: string } {
    const fd = this.memfd('multiproc-arena')
    // Whoever maps a file that another one shrinks dies by SIGBUS.
    this.checked('fcntl', this.call(this.nr.fcntl, fd, F_ADD_SEALS, SEAL_SHRINK))
    return { fd, place: '' }
  }

  usePlace(): void {}

  growMemory(fd: number, bytes: number): void {
    this.checked('ftruncate', this.libc.ftruncate(fd, bytes))
  }

  mapChunk(fd: number, offset: number, bytes: number): Mapping {
    return mapMemory(this.libc, fd, offset, bytes, MAP_SHARED)
  }

  punch(fd: number, offset: number, bytes: number): void {
    this.checked('fallocate', this.call(this.nr.fallocate, fd, FALLOC_PUNCH_HOLE_KEEP_SIZE, offset, bytes))
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
    const fd = fillFile(this.memfd('multiproc-payload'), bytes)
    this.checked('fcntl', this.call(this.nr.fcntl, fd, F_ADD_SEALS, SEAL_SEAL | SEAL_SHRINK | SEAL_GROW | SEAL_WRITE))
    return fd
  }

  createScratch(): number {
    return this.memfd('multiproc-result')
  }

  identity(): Identity {
    const tid = this.call(this.nr.gettid)
    const stat = readStat(`/proc/self/task/${tid}`)
    return { pid: process.pid, tid, start: typeof stat === 'string' ? 0 : stat.start }
  }

  guardLife(table: SharedWords, lifeIndex: number): void {
    const head = this.scratch.address + HEAD
    const entry = this.scratch.address + ENTRY
    // Added to the address of an entry it gives the word's address. It may be any number, so no pointer to the list
    // has to lie in shared memory.
    this.futexOffset = table.address + lifeIndex * 4 - entry
    this.longs[HEAD / 8] = BigInt(entry)
    this.longs[HEAD / 8 + 1] = BigInt(this.futexOffset)
    this.longs[HEAD / 8 + 2] = 0n
    this.longs[ENTRY / 8] = BigInt(head)
    this.checked('set_robust_list', this.call(this.nr.setRobustList, head, 24))
  }

  isTaskDead(tid: number): boolean {
    return isDeadByProc(`/proc/${tid}`)
  }

  isProcessDead(pid: number, start: number): boolean {
    return isDeadByProc(`/proc/${pid}`, start)
  }

  startOf(pid: number): number {
    const stat = readStat(`/proc/${pid}`)
    return typeof stat === 'string' ? 0 : stat.start
  }

  sleep(table: SharedWords, index: number, expected: number, watched: readonly WatchedWord[], deadlineMs: number): void {
    if (!this.hasWaitv) return this.sleepOnOne(table, index, expected, watched.length > 0, deadlineMs)
    // The kernel wakes one sleeper of a marked life word. If that one dies before it could wake the others, the kernel
    // finds this pointer in its list and wakes the next. It is left standing: a later, needless wake harms nobody.
    if (watched.length > 0) this.longs[HEAD / 8 + 2] = BigInt(addressOf(watched[0] as WatchedWord) - this.futexOffset)
    const count = Math.min(watched.length, WAITV_MAX - 1)
    this.entry(0, table.address + index * 4, expected)
    for (let i = 0; i < count; i++) this.entry(i + 1, addressOf(watched[i] as WatchedWord), (watched[i] as WatchedWord).expected)
    if (count < watched.length) deadlineMs = Math.min(deadlineMs, monotonicMs() + OLD_KERNEL_SLICE_MS)
    const timespec = deadlineMs === Infinity ? 0 : this.timespec(deadlineMs)
    const result = this.call(SYS_futex_waitv, this.scratch.address + WAITV, count + 1, 0, timespec, CLOCK_MONOTONIC)
    if (result < 0) {
      const errno = this.libc.koffi.errno()
      if (errno === ENOSYS || errno === EPERM) this.hasWaitv = false
    }
  }

  wake(table: SharedWords, index: number, everyone: boolean): void {
    this.call(this.nr.futex, table.address + index * 4, FUTEX_WAKE, everyone ? EVERYONE : 1)
  }

  currentCpu(): number {
    return this.getCpu()
  }

  lockFile(fd: number, how: 'exclusive' | 'shared' | 'unlocked', waitMs: number): boolean {
    return lockFile(this.libc, fd, how, waitMs)
  }

  openPipe(): OsPipe {
    const pair = this.scratch.address + TIMESPEC
    this.checked('pipe2', this.call(this.nr.pipe2, pair, O_CLOEXEC | constants.O_NONBLOCK))
    const readFd = this.scratch.words[TIMESPEC / 4] as number
    const writeFd = this.scratch.words[TIMESPEC / 4 + 1] as number
    // One page is plenty for single bytes, and a user may have only so much memory in pipes.
    this.call(this.nr.fcntl, readFd, F_SETPIPE_SZ, 4096)
    return { readFd, writeFd, number: writeFd, inode: inodeOf(writeFd) }
  }

  reopenPipe(pid: number, name: PipeName, end: PipeEnd): number {
    return openPipeEnd(this.libc, `/proc/${pid}/fd/${name.number}`, name, end)
  }

  closeFd(fd: number): void {
    this.libc.close(fd)
  }

  isBarred(): boolean {
    return process.geteuid?.() === 0 || this.call(this.nr.prctl, PR_GET_DUMPABLE) !== 1
  }

  dieWithParent(signal: number): boolean {
    return this.call(this.nr.prctl, PR_SET_PDEATHSIG, signal) === 0
  }

  peekExit(pid: number, timeoutMs: number): ChildExit | 'running' | 'reaped' {
    const exit = peekChild(this.libc, siginfo, pid)
    if (exit !== 'running' || timeoutMs <= 0) return exit
    const pidfd = this.openPidfd(pid)
    if (pidfd < 0) {
      nap(this.libc, Math.min(timeoutMs, OLD_KERNEL_EXIT_SLICE_MS))
    } else {
      const request = Buffer.alloc(8)
      request.writeInt32LE(pidfd, 0)
      request.writeInt16LE(POLLIN, 4)
      this.libc.poll(request, 1, Math.ceil(Math.min(timeoutMs, MAX_POLL_MS)))
      this.closeFd(pidfd)
    }
    return peekChild(this.libc, siginfo, pid)
  }

  openPidfd(pid: number): number {
    return this.call(SYS_pidfd_open, pid, 0)
  }

  private memfd(name: string): number {
    return this.checked('memfd_create', this.memfdCreate(name, MFD_CLOEXEC | MFD_ALLOW_SEALING))
  }

  private entry(i: number, address: number, expected: number): void {
    const at = (WAITV + i * WAITV_BYTES) / 8
    this.longs[at] = BigInt(expected >>> 0)
    this.longs[at + 1] = BigInt(address)
    this.longs[at + 2] = BigInt(FUTEX_SIZE_U32)
  }

  private timespec(ms: number): number {
    const seconds = Math.floor(ms / 1000)
    this.longs[TIMESPEC / 8] = BigInt(seconds)
    this.longs[TIMESPEC / 8 + 1] = BigInt(Math.floor((ms - seconds * 1000) * 1e6))
    return this.scratch.address + TIMESPEC
  }

  /** FUTEX_WAIT takes its timeout relative to now. */
  private sleepOnOne(table: SharedWords, index: number, expected: number, watching: boolean, deadlineMs: number): void {
    let left = deadlineMs - monotonicMs()
    if (watching) left = Math.min(left, OLD_KERNEL_SLICE_MS)
    if (left <= 0) return
    const timespec = left === Infinity ? 0 : this.timespec(left)
    this.call(this.nr.futex, table.address + index * 4, FUTEX_WAIT, expected, timespec)
  }

  private checked(call: string, result: number): number {
    if (result < 0) throw systemError(this.libc, call)
    return result
  }
}

export function openLinux(): Os {
  if (process.platform !== 'linux') throw new Error(`the platform is ${process.platform}`)
  return new LinuxOs()
}
