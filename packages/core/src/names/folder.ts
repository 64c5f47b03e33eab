/**
 * Where named objects live: small files in one folder of this user, 0700. Files come and go only under the folder's own
 * lock (flock), so nobody ever meets one half made; each user of an object keeps a shared lock on its file, so whoever gets
 * that lock exclusively knows that nobody uses it. Locks end with their process: nothing here can be left locked.
 *
 * Death of                                   leaves                           who repairs, how
 *   a user of an object                      its entry among the participants all look whether it lives
 *   its last user                            the file                         the next to open it makes it anew; the next to make
 *                                                                             another one removes it, unless a lock was held in it
 *   whoever makes one, before it was used    a file without users             the same
 *   whoever removes one, the folder empty    an empty folder                  the next to remove one
 */
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { argumentType, argumentValue } from '../arguments.ts'
import { MultiprocError } from '../errors/base.ts'
import { TimeoutError } from '../errors/python.ts'
import { os } from '../os/recommended.ts'

/** Changes take microseconds: longer means that somebody was stopped in the middle of one. */
const LONGEST_WAIT_MS = 10_000
const LONGEST_NAME = 100

/** A name can name nothing but a file of the folder. */
export function checkObjectName(what: string, name: unknown): asserts name is string {
  if (typeof name !== 'string') throw argumentType(what, 'a string', name)
  if (name.length > LONGEST_NAME || !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    throw argumentValue(what, `1 to ${LONGEST_NAME} of A-Z a-z 0-9 . _ -, the first a letter or digit`, name)
  }
}

/** `MULTIPROC_NAMES` is for programs that must not meet others of their user, and for tests. */
export function namesFolder(): string {
  const base = process.platform === 'linux' ? '/dev/shm' : tmpdir()
  return process.env.MULTIPROC_NAMES || `${base}/multiproc-${process.geteuid?.() ?? 0}`
}

export class NamesFolder {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /** Runs `change` alone among all that use the folder, which is there then. Undefined if there is none and it is not to be made. */
  static exclusively<T>(call: string, make: boolean, change: (folder: NamesFolder) => T, waitMs = LONGEST_WAIT_MS): T | undefined {
    const path = namesFolder()
    for (;;) {
      const fd = openFolder(call, path, make)
      if (fd === undefined) return undefined
      try {
        if (!os().lockFile(fd, 'exclusive', waitMs)) {
          throw new TimeoutError(`${call} failed: another process has had ${path} locked for ${waitMs} ms. Look for one that is stopped (SIGSTOP).`, { details: { path } })
        }
        // Removed, because it was empty, before we had it.
        if (inode(fd) === inodeAt(path)) return change(new NamesFolder(path))
      } finally {
        closeSync(fd)
      }
    }
  }

  names(): string[] {
    return readdirSync(this.path)
  }

  /** The file of a name, undefined if there is none. */
  open(call: string, name: string): number | undefined {
    const path = `${this.path}/${name}`
    let fd: number
    try {
      fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw foreign(call, path, error)
    }
    const { mode, uid } = fstatSync(fd, { bigint: true })
    if ((Number(mode) & constants.S_IFMT) === constants.S_IFREG && Number(uid) === process.geteuid?.() && (Number(mode) & 0o077) === 0) return fd
    closeSync(fd)
    throw foreign(call, path)
  }

  create(name: string): number {
    return openSync(`${this.path}/${name}`, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600)
  }

  remove(name: string): void {
    unlinkSync(`${this.path}/${name}`)
  }

  removeIfEmpty(): void {
    try {
      rmdirSync(this.path)
    } catch {
      // It is not.
    }
  }
}

function openFolder(call: string, path: string, make: boolean): number | undefined {
  for (;;) {
    try {
      if (make) mkdirSync(path, { mode: 0o700 })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw foreign(call, path, error)
    }
    let fd: number
    try {
      fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw foreign(call, path, error)
      if (make) continue
      return undefined
    }
    const { mode, uid } = fstatSync(fd, { bigint: true })
    if (Number(uid) === process.geteuid?.() && (Number(mode) & 0o077) === 0) return fd
    closeSync(fd)
    throw foreign(call, path)
  }
}

function inode(fd: number): bigint {
  return fstatSync(fd, { bigint: true }).ino
}

function inodeAt(path: string): bigint | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino
}

function foreign(call: string, path: string, cause?: unknown): MultiprocError {
  const why = cause === undefined ? 'it belongs to another user, or others may touch it' : (cause as Error).message
  return new MultiprocError('ERR_MULTIPROC_FOREIGN', `${call} failed: ${path} cannot be used: ${why}. It must be of this user, and for nobody else (0700, files 0600).`, {
    cause,
    details: { path },
  })
}
