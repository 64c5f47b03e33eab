import { randomBytes } from 'node:crypto'
import { closeSync, constants, fstatSync, ftruncateSync, linkSync, openSync, statSync, unlinkSync } from 'node:fs'
import { argumentType, argumentValue, MultiprocError, os } from '@multiproc/core'
import { Pages } from './block.ts'

/**
 * POSIX shared-memory objects, as `shm_open` and Python name them. On Linux they are files of one folder, which is all that
 * libc does, too. Their bytes are all the program's: no header of ours.
 */
const FOLDER = '/dev/shm'
const LONGEST_NAME = 255
const ATTEMPTS = 100

export type Create = boolean | 'exclusive'

export interface NamedMemory {
  readonly pages: Pages
  readonly buffer: ArrayBuffer
  readonly size: number
  readonly inode: bigint
}

/** A name can name nothing but an object of the folder. */
export function checkName(what: string, name: unknown): asserts name is string {
  if (typeof name !== 'string') throw argumentType(what, 'a string', name)
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name) || Buffer.byteLength(name) > LONGEST_NAME) {
    throw argumentValue(what, `1 to ${LONGEST_NAME} bytes without '/' and NUL, and not '.' or '..'`, name)
  }
}

export function openNamed(call: string, name: string, create: Create, size: number | undefined): NamedMemory {
  if (process.platform !== 'linux') throw new MultiprocError('ERR_MULTIPROC_UNSUPPORTED', `${call} failed: named shared memory is for Linux in this version. Pass the handle itself to the processes that share it.`)
  // Whoever unlinks and creates at the same time may take each look's answer away from us.
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const fd = (create === 'exclusive' ? undefined : openExisting(call, name)) ?? (create === false ? undefined : createNew(call, name, size))
    if (fd !== undefined) return map(call, name, fd)
    if (create === 'exclusive') throw new MultiprocError('ERR_MULTIPROC_EXISTS', `${call} failed: there is shared memory named ${JSON.stringify(name)} already. Open it with { create: false }, or choose another name.`, { details: { name } })
    if (create === false) throw notFound(call, name)
  }
  throw notFound(call, name)
}

/** Removes the name, if it still names this memory. Who has it open goes on. */
export function unlinkNamed(call: string, name: string, inode: bigint): void {
  try {
    if (statSync(`${FOLDER}/${name}`, { bigint: true }).ino === inode) return unlinkSync(`${FOLDER}/${name}`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw refused(call, name, error)
  }
  throw notFound(call, name)
}

function openExisting(call: string, name: string): number | undefined {
  try {
    return openSync(`${FOLDER}/${name}`, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw refused(call, name, error)
  }
}

/**
 * Under a name of its own until it has its size: nobody finds it half made, and of two creators one wins. A death before
 * the unlink leaves that name, `mp_` and the pid.
 */
function createNew(call: string, name: string, size: number | undefined): number | undefined {
  if (size === undefined) throw argumentValue(`${call}: options.size`, 'a number of bytes, which is needed to create', size)
  const hidden = `${FOLDER}/mp_${process.pid}_${randomBytes(6).toString('hex')}`
  let fd: number | undefined
  try {
    fd = openSync(hidden, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600)
    try {
      ftruncateSync(fd, size)
      os().reserve(fd, size)
      linkSync(hidden, `${FOLDER}/${name}`)
    } finally {
      unlinkSync(hidden)
    }
    return fd
  } catch (error) {
    if (fd !== undefined) closeSync(fd)
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return undefined
    if (code === 'ENOSPC' || code === 'ENOMEM' || code === 'EFBIG' || code === 'EINVAL') throw noMemory(call, size, error)
    throw refused(call, name, error)
  }
}

function map(call: string, name: string, fd: number): NamedMemory {
  try {
    const stat = fstatSync(fd, { bigint: true })
    if (!stat.isFile()) throw refused(call, name, new Error('it is no shared memory'))
    // One that is just being made by a program that sizes it afterwards, as Python does, counts as none yet.
    if (stat.size === 0n) throw notFound(call, name)
    const size = Number(stat.size)
    return { ...Pages.map(fd, 0, size), size, inode: stat.ino }
  } finally {
    closeSync(fd)
  }
}

function notFound(call: string, name: string): MultiprocError {
  return new MultiprocError('ERR_MULTIPROC_NOT_FOUND', `${call} failed: there is no shared memory named ${JSON.stringify(name)}. See that its creator runs and has not unlinked it.`, { details: { name } })
}

function noMemory(call: string, size: number, cause: unknown): MultiprocError {
  return new MultiprocError('ERR_MULTIPROC_NO_MEMORY', `${call} failed: ${FOLDER} has no room for ${size} bytes. Unlink what is not needed, or make it larger (docker run --shm-size).`, { cause, details: { size } })
}

function refused(call: string, name: string, cause: unknown): MultiprocError {
  return new MultiprocError('ERR_MULTIPROC_FOREIGN', `${call} failed: ${JSON.stringify(name)} cannot be used: ${(cause as Error).message}. It belongs to another user, or is no shared memory: choose another name.`, {
    cause,
    details: { name },
  })
}
