/**
 * One named object: a file that unrelated processes of one user map, with a table of who uses it and the object's own words.
 * It is there while somebody uses it: the last one to leave removes it, after a kill the next one who looks.
 *
 * Layout v1 (bytes)                                                            | writer         | reader
 *   0      int32 magic 'MPN1': the last character is the layout version         | creator        | all, when they open it
 *   4      int32 layout of the families' tables, 8 int32 backend                | creator        | the same
 *   12     int32 the last id given to a participant                             | claimers       | claimers
 *   16     int32 kind: which object, with its version                           | creator        | all, when they open it
 *   20     int32 1 + the word of the body that is 0 while no lock is held; 0    | creator        | who sweeps
 *   24     float64 bytes of the body                                            | creator        | all, when they open it
 *   32     3 float64 the kind's parameters                                      | creator        | the same
 *   64     64 bytes: boot id, 128: 64 bytes: namespaces of pids and clocks      | creator        | the same
 *   256    participants (participants.ts)                                       |                |
 *   8,448  the body: the object's words                                         | its users      | its users
 */
import { closeSync, fstatSync, ftruncateSync, lstatSync, readFileSync, readlinkSync, readSync, writeSync } from 'node:fs'
import { LAYOUT_VERSION } from '../arena/layout.ts'
import { MultiprocError } from '../errors/base.ts'
import type { Window } from '../os/contract.ts'
import { os } from '../os/recommended.ts'
import { NamesFolder } from './folder.ts'
import { NamedThread } from './named-thread.ts'
import { forgetDeadFamilies, Participants, PARTICIPANTS, PARTICIPANTS_BYTES } from './participants.ts'

const MAGIC = 0x4d_50_4e_31 // 'MPN1'
const M_LAYOUT = 1
const M_BACKEND = 2
const M_NEXT = 3
const M_KIND = 4
const M_HELD = 5
const F_BODY = 3
const F_PARAMETERS = 4
const PARAMETERS = 3
const BOOT = 64
const SPACES = 128
const TEXT_BYTES = 64
const HEAD_BYTES = 256
const BODY = HEAD_BYTES + PARTICIPANTS_BYTES

/** An id that nobody ever has: the holder of a lock in a file that nobody uses any more. */
const DEAD_HOLDER = 1
/** Bit 31 of a lock's word: somebody may wait (core mutex.ts). */
const HELD_ID = 0x3fff_ffff
const CLOSING_MS = 1000

export type Create = boolean | 'exclusive'

export interface NamedObject {
  /** The call, for messages, in backticks. */
  readonly call: string
  readonly noun: string
  readonly name: string
  readonly create: Create
  readonly kind: number
  /** Up to three numbers that all who open it must agree on. Undefined: not given, whatever it is will do. */
  readonly parameters: readonly (number | undefined)[]
  /** Needed to create. */
  readonly bodyBytes: number
  /** The word of the body with the owner of a lock, if it has one: its death is told even if nobody else was there. */
  readonly lockWord?: number | undefined
  /** Fills the body of a new one, which is zero. */
  format?(words: Int32Array, body: number): void
}

export class NamedSegment {
  readonly name: string
  readonly thread: NamedThread
  readonly words: Int32Array
  /** Word index of the body. */
  readonly body: number
  readonly bodyBytes: number
  readonly parameters: readonly number[]
  readonly fd: number
  /** Where the body is in the file. */
  readonly bodyOffset = BODY
  readonly #participants: Participants
  readonly #pages: Pick<Window, 'address' | 'pagesLength'>
  #closed = false

  /** Under the folder's lock. Throws before anything is changed. */
  private constructor(call: string, name: string, fd: number) {
    const size = Number(fstatSync(fd, { bigint: true }).size)
    const { buffer, ...pages } = os().mapWindow(fd, 0, size)
    this.name = name
    this.fd = fd
    this.#pages = pages
    this.words = new Int32Array(buffer)
    this.body = BODY / 4
    this.bodyBytes = new Float64Array(buffer, 0, 4)[F_BODY]!
    this.parameters = [...new Float64Array(buffer, F_PARAMETERS * 8, PARAMETERS)]
    this.#participants = new Participants(this.words, HEAD_BYTES / 4, M_NEXT)
    const id = this.#participants.claim()
    if (id === 0) {
      os().blank(pages)
      throw new MultiprocError('ERR_MULTIPROC_NO_MEMORY', `${call} failed: ${PARTICIPANTS} threads have ${JSON.stringify(name)} open. Close handles, or hand one on within the family.`, { details: { limit: PARTICIPANTS } })
    }
    this.thread = new NamedThread(this.#participants, id)
    open.add(this)
    endAtExit()
  }

  /**
   * Opens the object, or creates it.
   * @throws ERR_MULTIPROC_EXISTS, ERR_MULTIPROC_NOT_FOUND, ERR_MULTIPROC_LAYOUT, ERR_MULTIPROC_FOREIGN, ERR_MULTIPROC_NO_MEMORY,
   * ERR_MULTIPROC_UNSUPPORTED, ERR_MULTIPROC_TIMEOUT.
   */
  static open(wanted: NamedObject): NamedSegment {
    const { call, name, create } = wanted
    checkReachable(call)
    const segment = NamesFolder.exclusively(call, create !== false, (folder) => {
      let fd = folder.open(call, name)
      try {
        // Alone means that nobody uses it: left by a kill.
        const isUsed = fd !== undefined && !os().lockFile(fd, 'exclusive', 0)
        if (isUsed) {
          if (create === 'exclusive') throw exists(wanted)
          checkHead(wanted, headOf(fd!))
        } else {
          if (create === false) {
            if (fd !== undefined) closeSync(fd)
            return undefined
          }
          const held = fd !== undefined && isHeld(fd)
          if (fd === undefined) fd = (removeUnused(call, folder, true), folder.create(name))
          format(wanted, fd, held)
        }
        os().lockFile(fd!, 'shared', CLOSING_MS)
        return new NamedSegment(call, name, fd!)
      } catch (error) {
        if (fd !== undefined) closeSync(fd)
        throw error
      }
    })
    if (segment !== undefined) return segment
    throw new MultiprocError('ERR_MULTIPROC_NOT_FOUND', `${call} failed: there is no ${wanted.noun} named ${JSON.stringify(name)}. See that its creator runs, or leave out { create: false }.`, { details: { name } })
  }

  /** The ids of all that have it open. */
  liveThreads(): number[] {
    return this.#participants.living()
  }

  /** Gives it up; whatever this thread holds in it must have been given back. The last one removes the file. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    open.delete(this)
    this.#participants.leave(this.thread.id)
    try {
      NamesFolder.exclusively('close()', false, (folder) => {
        // By another hand it may be gone, or another one.
        const isThere = lstatSync(`${folder.path}/${this.name}`, { bigint: true, throwIfNoEntry: false })?.ino === fstatSync(this.fd, { bigint: true }).ino
        // Who was killed keeps its lock until the kernel has taken it down, but will never come back for it.
        if (isThere && (os().lockFile(this.fd, 'exclusive', 0) || this.liveThreads().length === 0)) folder.remove(this.name)
        folder.removeIfEmpty()
      }, CLOSING_MS)
    } catch {
      // What is left is swept by the next one who makes a file here.
    } finally {
      os().blank(this.#pages)
      closeSync(this.fd)
      forgetDeadFamilies()
    }
  }

  /** This thread ends: what it holds stays held by it, so that the next one is told. */
  end(): void {
    const held = this.words[M_HELD]!
    if (held === 0 || (this.words[this.body + held - 1]! & HELD_ID) !== this.thread.id) this.close()
  }
}

const open = new Set<NamedSegment>()
let endsThem = false

function endAtExit(): void {
  if (endsThem) return
  endsThem = true
  process.on('exit', () => {
    for (const segment of open) segment.end()
  })
}

interface Head {
  readonly words: Int32Array
  readonly numbers: Float64Array
  readonly bytes: Buffer
}

function headOf(fd: number): Head {
  const bytes = Buffer.alloc(HEAD_BYTES)
  readSync(fd, bytes, 0, HEAD_BYTES, 0)
  return { bytes, words: new Int32Array(bytes.buffer, bytes.byteOffset, HEAD_BYTES / 4), numbers: new Float64Array(bytes.buffer, bytes.byteOffset, HEAD_BYTES / 8) }
}

function format({ kind, parameters, bodyBytes, lockWord, format: fill }: NamedObject, fd: number, held: boolean): void {
  const { bytes, words, numbers } = headOf(fd)
  bytes.fill(0)
  words.set([MAGIC, LAYOUT_VERSION, os().backend, PARTICIPANTS, kind, lockWord === undefined ? 0 : lockWord + 1])
  numbers[F_BODY] = bodyBytes
  parameters.forEach((parameter, i) => (numbers[F_PARAMETERS + i] = parameter ?? 0))
  bytes.write(bootId(), BOOT, TEXT_BYTES)
  bytes.write(namespaces(), SPACES, TEXT_BYTES)
  const body = new Int32Array(bodyBytes / 4)
  fill?.(body, 0)
  if (held && lockWord !== undefined) body[lockWord] = DEAD_HOLDER
  ftruncateSync(fd, 0)
  ftruncateSync(fd, BODY + bodyBytes)
  os().reserve(fd, BODY + bodyBytes)
  writeSync(fd, body, 0, body.byteLength, BODY)
  writeSync(fd, bytes, 0, HEAD_BYTES, 0)
}

function checkHead(wanted: NamedObject, { words, numbers, bytes }: Head): void {
  const { call, name, noun, kind, parameters } = wanted
  const named = JSON.stringify(name)
  if (words[0] !== MAGIC || words[M_LAYOUT] !== LAYOUT_VERSION || (words[M_KIND]! & ~0xff) === (kind & ~0xff) && words[M_KIND] !== kind) {
    throw new MultiprocError('ERR_MULTIPROC_LAYOUT', `${call} failed: ${named} was made by another version of this package (layout ${hex(words[0]!)}.${words[M_LAYOUT]}.${hex(words[M_KIND]!)}, here ${hex(MAGIC)}.${LAYOUT_VERSION}.${hex(kind)}). Use one version in all programs.`, {
      details: { name, expected: [MAGIC, LAYOUT_VERSION, kind], got: [words[0], words[M_LAYOUT], words[M_KIND]] },
    })
  }
  const spaces = textAt(bytes, SPACES)
  if (spaces !== namespaces()) {
    throw new MultiprocError('ERR_MULTIPROC_FOREIGN', `${call} failed: ${named} is used in another container (namespaces ${spaces}, here ${namespaces()}), whose processes cannot be told dead or alive from here.`, { details: { name } })
  }
  if (words[M_BACKEND] !== os().backend) {
    throw new MultiprocError('ERR_MULTIPROC_UNSUPPORTED', `${call} failed: ${named} is used with another MULTIPROC_BACKEND. It must be the same in all programs.`, { details: { name } })
  }
  const differs = parameters.some((parameter, i) => parameter !== undefined && parameter !== numbers[F_PARAMETERS + i])
  if (words[M_KIND] === kind && !differs) return
  const what = words[M_KIND] === kind ? `a ${noun} with other parameters` : `no ${noun}`
  throw new MultiprocError('ERR_MULTIPROC_EXISTS', `${call} failed: ${named} is ${what}. Choose another name, or make it with the same class and parameters.`, {
    details: { name, parameters: [...numbers.subarray(F_PARAMETERS, F_PARAMETERS + PARAMETERS)] },
  })
}

/** Whether the lock in a file that nobody uses was held, in this life of the machine. */
function isHeld(fd: number): boolean {
  const { words, bytes } = headOf(fd)
  if (words[0] !== MAGIC || words[M_HELD] === 0 || textAt(bytes, BOOT) !== bootId()) return false
  const word = Buffer.alloc(4)
  return readSync(fd, word, 0, 4, BODY + (words[M_HELD]! - 1) * 4) === 4 && (word.readInt32LE() & HELD_ID) !== 0
}

/** Under the folder's lock: removes what kills have left. `spares` those with a lock that was held: their next users must be told. */
export function removeUnused(call: string, folder: NamesFolder, spares: boolean): string[] {
  return folder.names().filter((name) => {
    let fd: number | undefined
    try {
      fd = folder.open(call, name)
      if (fd === undefined || !os().lockFile(fd, 'exclusive', 0) || (spares && isHeld(fd))) return false
      folder.remove(name)
      return true
    } catch {
      // None of ours: it is not touched.
      return false
    } finally {
      if (fd !== undefined) closeSync(fd)
    }
  })
}

export interface NamedFile {
  readonly name: string
  /** The kind's magic number; 0 if the file cannot be read. */
  readonly kind: number
  /** False: left by a kill. */
  readonly isUsed: boolean
  /** The processes of those threads that have it open, and whether they live. */
  readonly users: readonly { readonly pid: number; readonly isAlive: boolean }[]
  /** The process that holds its lock, or held it when it died. */
  readonly holder: number | undefined
}

/** For tools: what a file says. Its users may go on meanwhile. */
export function describe(name: string, fd: number, isUsed: boolean): NamedFile {
  const bytes = readFileSync(fd)
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
  if (words[0] !== MAGIC) return { name, kind: 0, isUsed, users: [], holder: undefined }
  const participants = new Participants(words, HEAD_BYTES / 4, M_NEXT)
  const ids = participants.taken()
  const owner = words[M_HELD] === 0 ? 0 : words[BODY / 4 + words[M_HELD]! - 1]! & HELD_ID
  return {
    name,
    kind: words[M_KIND]!,
    isUsed,
    users: ids.map((id) => ({ pid: participants.pidOf(id), isAlive: participants.isProcessAlive(id) })),
    holder: owner !== 0 && ids.includes(owner) ? participants.pidOf(owner) : undefined,
  }
}

/** The others reach this thread through /proc, as its family does; not once it has dropped privileges. */
function checkReachable(call: string): void {
  if (process.platform === 'linux' && (process.geteuid?.() === 0 || !os().isBarred())) return
  throw new MultiprocError('ERR_MULTIPROC_UNSUPPORTED', `${call} failed: names need /proc of Linux, and that this process may be looked into by others of its user. Pass the handle itself to the processes that share it.`)
}

function exists({ call, noun, name }: NamedObject): MultiprocError {
  return new MultiprocError('ERR_MULTIPROC_EXISTS', `${call} failed: there is a ${noun} named ${JSON.stringify(name)} already. Open it with { create: false }, or choose another name.`, { details: { name } })
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
}

function namespaces(): string {
  return ['pid', 'time'].map((kind) => {
    try {
      return readlinkSync(`/proc/self/ns/${kind}`)
    } catch {
      return '-'
    }
  }).join(' ')
}

function textAt(bytes: Buffer, at: number): string {
  return bytes.toString('latin1', at, bytes.indexOf(0, at))
}

function hex(word: number): string {
  return (word >>> 0).toString(16)
}
