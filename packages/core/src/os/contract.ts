/**
 * The few calls an operating system must give. Everything above works on these alone and knows no system by name. One
 * object belongs to one thread: `guardLife` and `identity` speak of the thread that calls.
 *
 * A chunk is named by `SharedWords`: the mapped words, and the address they have in this process.
 */
export interface SharedWords {
  readonly words: Int32Array
  readonly address: number
}

export interface Mapping extends SharedWords {
  readonly bytes: Uint8Array
}

/** Bytes of a file, mapped for one object alone, which may give them back. `buffer` has these bytes and no others. */
export interface Window {
  readonly buffer: ArrayBuffer
  /** The pages it lies in. */
  readonly address: number
  readonly pagesLength: number
}

/** Kernel names of a thread. `start` tells two threads apart that had one tid after another. */
export interface Identity {
  readonly pid: number
  readonly tid: number
  readonly start: number
}

/** How other threads find a pipe: two words in the thread's slot, `number` is never 0; `place` if it is of another family. */
export interface PipeName {
  readonly number: number
  readonly inode: number
  readonly place?: string
}

/** A word somebody sleeps on: it is woken there, and marked when a thread ends. */
export interface WatchedWord {
  readonly chunk: SharedWords
  readonly index: number
  readonly expected: number
}

export interface OsPipe extends PipeName {
  readonly readFd: number
  readonly writeFd: number
}

/** How a child process ended. */
export interface ChildExit {
  readonly exitCode: number | null
  readonly signal: number | null
}

export type PipeEnd = 'read' | 'write'

/** Bits of a life word, as Linux has them; the low bits are the tid while the thread lives. */
export const OWNER_DIED = 0x4000_0000
export const LIFE_WATCHED = 0x8000_0000 | 0

export interface Os {
  readonly name: 'linux' | 'portable'
  /** Written into the arena's header: members of one family use one backend. */
  readonly backend: number
  /** True if the system itself marks the life word of a thread that ends and wakes a sleeper; else somebody has to look. */
  readonly marksDeath: boolean

  /** Memory without a name, of size 0. `place` is a folder that belongs to it, or ''. */
  createMemory(): { readonly fd: number; readonly place: string }
  /** Called once before any other call that needs a place, by whoever joins. */
  usePlace(place: string): void
  growMemory(fd: number, bytes: number): void
  mapChunk(fd: number, offset: number, bytes: number): Mapping
  punch(fd: number, offset: number, bytes: number): void
  mapWindow(fd: number, offset: number, bytes: number): Window
  /** Gives the memory back: from now on whoever still has a view finds private zero pages there, never a fault. */
  blank(window: Pick<Window, 'address' | 'pagesLength'>): void
  /** Takes memory for all of a file, so that touching it is never a SIGBUS. Throws ENOSPC. */
  reserve(fd: number, bytes: number): void
  /** A file of its own with these bytes, not changeable any more where the system can say so. Read it by position. */
  createSealed(bytes: Uint8Array): number
  /** An empty file without a name, to be written by another process that inherits it. */
  createScratch(): number

  identity(): Identity
  /** From now on the system marks OWNER_DIED in this word when this thread ends, if it can. The word must hold the tid. */
  guardLife(table: SharedWords, lifeIndex: number): void
  /** True only if no thread with this tid runs: for claims that were left half done. */
  isTaskDead(tid: number): boolean
  /** True only if the process surely ended: it is gone, a zombie, or another one has its pid. */
  isProcessDead(pid: number, start: number): boolean
  /** The start time of a process, 0 if it cannot be read. */
  startOf(pid: number): number

  /**
   * Sleeps until somebody calls `wake` for the word at `index`, one of the `watched` words is marked or woken, or
   * `deadlineMs` passed. Returns at once if a word no longer holds what it is expected to hold. May return early.
   */
  sleep(table: SharedWords, index: number, expected: number, watched: readonly WatchedWord[], deadlineMs: number): void
  wake(table: SharedWords, index: number, everyone: boolean): void
  currentCpu(): number

  /**
   * Locks a file or folder against others who do the same, in this process or another, or unlocks it; closing it, and dying,
   * does that, too. A lock that one has becomes the other one. False if others had it in the way for `waitMs`, blocked meanwhile.
   */
  lockFile(fd: number, how: 'exclusive' | 'shared' | 'unlocked', waitMs: number): boolean

  openPipe(): OsPipe
  /**
   * Opens a pipe of another thread (or of this one), non-blocking; -1 if it is gone. A write end is written and closed with
   * `fs`; a read end is given to a `net.Socket`, or closed with `closeFd`. The two of `openPipe` are as read ends.
   */
  reopenPipe(pid: number, name: PipeName, end: PipeEnd): number
  closeFd(fd: number): void
  /** True if permissions can keep other members of the family from opening this thread's pipes at all. */
  readonly pipesCanBeBarred: boolean
  /** True if they do so now, or may once this process drops its privileges. */
  isBarred(): boolean

  /** Ends this process when its parent's thread ends. False if the system cannot. */
  dieWithParent(signal: number): boolean
  /**
   * Waits at most about `timeoutMs` for a child to end and leaves it to be reaped. `'running'`: not yet; may return early.
   * `'reaped'`: it is no child of this process (any more).
   */
  peekExit(pid: number, timeoutMs: number): ChildExit | 'running' | 'reaped'
  /** A descriptor that becomes readable when this child has ended, for `closeFd` later; -1 if the system has none. */
  openPidfd(pid: number): number
}
