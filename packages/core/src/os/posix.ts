import buffer from 'node:buffer'
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { MultiprocError } from '../errors/base.ts'
import { monotonicMs } from './clock.ts'
import type { ChildExit, Mapping, PipeEnd, PipeName, Window } from './contract.ts'

/** Calls that every POSIX system has under the same name, through koffi. koffi is loaded here and nowhere else. */
export type Koffi = typeof import('koffi').default

type Call = (...args: (number | string | null | Uint8Array)[]) => number

export interface Libc {
  readonly koffi: Koffi
  mmap: Call
  ftruncate: Call
  open: Call
  close: Call
  read: Call
  poll: Call
  waitid: Call
  fallocate?: Call
  flock?: Call
}

export function loadLibc(): Libc {
  const koffi = createRequire(import.meta.url)('koffi') as Koffi
  const lib = koffi.load(null)
  return {
    koffi,
    mmap: lib.func('mmap', 'uintptr_t', ['uintptr_t', 'size_t', 'int', 'int', 'int', 'int64']),
    ftruncate: lib.func('ftruncate', 'int', ['int', 'int64']),
    open: lib.func('open', 'int', ['str', 'int']),
    close: lib.func('close', 'int', ['int']),
    read: lib.func('read', 'int64', ['int', 'void *', 'size_t']),
    poll: lib.func('poll', 'int', ['void *', 'uint64', 'int']),
    waitid: lib.func('waitid', 'int', ['int', 'uint', 'void *', 'int']),
  }
}

const PROT_READ_WRITE = 3
export const MAP_SHARED = 1
export const MAP_PRIVATE = 2
const MAX_ADDRESS = Number.MAX_SAFE_INTEGER

/** A mapping is never taken away again: a view that JavaScript has seen may be read at any time. */
export function mapMemory(libc: Libc, fd: number, offset: number, bytes: number, flags: number): Mapping {
  const address = libc.mmap(0, bytes, PROT_READ_WRITE, flags, fd, offset)
  // MAP_FAILED is all ones, which comes back as a bigint.
  if (typeof address !== 'number' || address > MAX_ADDRESS) throw systemError(libc, 'mmap')
  const buffer = libc.koffi.view(address, bytes)
  return { address, words: new Int32Array(buffer), bytes: Buffer.from(buffer) }
}

/** A multiple of every page size there is; file offsets must be one of the page size. */
const WINDOW_ALIGN = 64 * 1024
const darwin = process.platform === 'darwin'
const MAP_FIXED = 0x10
const MAP_ANONYMOUS = darwin ? 0x1000 : 0x20
const MAP_NORESERVE = darwin ? 0x40 : 0x4000

export function mapWindow(libc: Libc, fd: number, offset: number, bytes: number): Window {
  // koffi would end the process.
  if (bytes > buffer.constants.MAX_LENGTH) {
    throw new MultiprocError('ERR_MULTIPROC_UNSUPPORTED', `${bytes} bytes of shared memory cannot be seen as one buffer: ${process.version} has buffers of at most ${buffer.constants.MAX_LENGTH} bytes. Use Node 22 or later, or several parts.`, {
      details: { bytes, most: buffer.constants.MAX_LENGTH },
    })
  }
  const skipped = offset % WINDOW_ALIGN
  const pagesLength = skipped + bytes
  const address = libc.mmap(0, pagesLength, PROT_READ_WRITE, MAP_SHARED, fd, offset - skipped)
  if (typeof address !== 'number' || address > MAX_ADDRESS) throw systemError(libc, 'mmap')
  return { address, pagesLength, buffer: libc.koffi.view(address + skipped, bytes) }
}

/** One mapping replaces the other in one step: there is no moment without one. Neighbouring blank pages become one mapping. */
export function blankWindow(libc: Libc, { address, pagesLength }: Pick<Window, 'address' | 'pagesLength'>): void {
  const flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE
  if (libc.mmap(address, pagesLength, PROT_READ_WRITE, flags, -1, 0) !== address) throw systemError(libc, 'mmap')
}

/** macOS has no such call: there the length is all that is set. */
export function reserve(libc: Libc, fd: number, bytes: number): void {
  if (darwin) return
  libc.fallocate ??= libc.koffi.load(null).func('posix_fallocate', 'int', ['int', 'int64', 'int64'])
  let errno: number
  do errno = libc.fallocate(fd, 0, bytes)
  while (errno === libc.koffi.os.errno.EINTR)
  if (errno !== 0) throw systemError(libc, 'posix_fallocate', errno)
}

export function systemError(libc: Libc, call: string, errno: number = libc.koffi.errno()): NodeJS.ErrnoException {
  const codes = libc.koffi.os.errno
  const code = Object.keys(codes).find((name) => codes[name] === errno) ?? `errno ${errno}`
  return Object.assign(new Error(`${call} failed: ${code}`), { code, errno, syscall: call })
}

export function inodeOf(fd: number): number {
  // As bigints: Node up to 20 keeps the numbers of the last plain stat, and while those say "pipe" its `realpathSync` (and so
  // `import`) does not follow symbolic links, which would load packages a second time.
  return Number(BigInt.asIntN(32, fstatSync(fd, { bigint: true }).ino))
}

export const O_CLOEXEC = process.platform === 'darwin' ? 0x0100_0000 : 0o2000000

/**
 * Opens a pipe under `path`, -1 if it is not there any more. A write end is for `fs` calls: a Worker's `fs` closes it when
 * the Worker is terminated. A read end goes to a `net.Socket`, which closes it, so `fs` must not know of it.
 */
export function openPipeEnd(libc: Libc, path: string, name: PipeName, end: PipeEnd): number {
  let fd: number
  if (end === 'read') {
    fd = libc.open(path, constants.O_RDONLY | constants.O_NONBLOCK | O_CLOEXEC)
  } else {
    try {
      fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
    } catch {
      return -1
    }
  }
  if (fd < 0) return -1
  // The name may stand for another file by now: its owner died and the numbers were used again.
  if (inodeOf(fd) === name.inode) return fd
  if (end === 'read') libc.close(fd)
  else closeSync(fd)
  return -1
}

/** Writes all bytes at the start of `fd`, or closes it. */
export function fillFile(fd: number, bytes: Uint8Array): number {
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, done)
    return fd
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

const P_PID = 1
const WNOHANG = 1
const WEXITED = 4
const CLD_EXITED = 1

/** Where siginfo_t has si_code and si_status, and what WNOWAIT is. */
export interface WaitFlavour {
  readonly nowait: number
  readonly codeAt: number
  readonly pidAt: number
  readonly statusAt: number
}

export function peekChild(libc: Libc, flavour: WaitFlavour, pid: number): ChildExit | 'running' | 'reaped' {
  const info = Buffer.alloc(128)
  if (libc.waitid(P_PID, pid, info, WEXITED | WNOHANG | flavour.nowait) !== 0) {
    return libc.koffi.errno() === libc.koffi.os.errno.ECHILD ? 'reaped' : 'running'
  }
  if (info.readInt32LE(flavour.pidAt) !== pid) return 'running'
  const status = info.readInt32LE(flavour.statusAt)
  return info.readInt32LE(flavour.codeAt) === CLD_EXITED ? { exitCode: status, signal: null } : { exitCode: null, signal: status }
}

const flocks = { shared: 1, exclusive: 2, unlocked: 8 }
const LOCK_NB = 4
const LONGEST_LOCK_NAP_MS = 10

/** In steps: an endless `flock` would keep V8 from ending this thread. */
export function lockFile(libc: Libc, fd: number, how: keyof typeof flocks, waitMs: number): boolean {
  libc.flock ??= libc.koffi.load(null).func('flock', 'int', ['int', 'int'])
  const untilMs = monotonicMs() + waitMs
  for (let ms = 1; ; ms = Math.min(ms * 2, LONGEST_LOCK_NAP_MS)) {
    if (libc.flock(fd, flocks[how] | LOCK_NB) === 0) return true
    const errno = libc.koffi.errno()
    const { EWOULDBLOCK, EAGAIN, EINTR } = libc.koffi.os.errno
    if (errno !== EWOULDBLOCK && errno !== EAGAIN && errno !== EINTR) throw systemError(libc, 'flock', errno)
    if (monotonicMs() >= untilMs) return false
    nap(libc, ms)
  }
}

/** Blocks this thread. `poll` without descriptors: the one sleep that every libc spells alike. */
export function nap(libc: Libc, ms: number): void {
  libc.poll(null, 0, Math.ceil(Math.min(ms, MAX_POLL_MS)))
}

export const MAX_POLL_MS = 2 ** 31 - 1
