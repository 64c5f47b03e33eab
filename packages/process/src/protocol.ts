/**
 * What parent and child say to each other. A process: one file down, one file up, both inherited as descriptors, so that
 * starting never blocks and nothing that is secret or large goes through argv or the environment. A thread gets the same
 * as its `workerData` and answers through a port: see `ThreadStart`.
 *
 * Payload (sealed; a spare's: see START_FD) | Result (written by the child, read by the parent once the child has ended)
 *   0   int32 magic "MPP1"                 |   0   int32 magic "MPR1", written last: without it there is no result
 *   4   int32 protocol version             |   4   int32 kind, and whether the body carries handles
 *   8   int32 bytes of the head            |   8   body: the encoded value or error
 *   12  head: JSON, a `StartHead`          |
 *   ..  body: an encoded `StartBody`       |
 */
import { fstatSync, readSync, writeSync } from 'node:fs'
import type { MessagePort } from 'node:worker_threads'
import { MultiprocError } from '@multiproc/core'

/** The descriptors a child begins with, behind its standard three. */
export const PAYLOAD_FD = 3
export const RESULT_FD = 4
/** The read end of a pipe whose write end only the parent process holds: end of file means the parent is gone. */
export const PARENT_FD = 5
export const ARENA_FD = 6
/**
 * A spare only. It writes one byte once it has read the payload it was born with, and waits: then that may be written over.
 * One byte to it says that this is done; end of file means that it is not needed.
 */
export const START_FD = 7

export const PROTOCOL_VERSION = 1
const PAYLOAD_MAGIC = 0x3150504d
const RESULT_MAGIC = 0x3152504d
const PAYLOAD_HEADER_BYTES = 12
const RESULT_HEADER_BYTES = 8

/** What a child must know before any code of the user's is loaded. */
export interface StartHead {
  readonly name: string
  /** The path of counters that leads from the main process to this one: [1, 2] is the second child of the first. */
  readonly identity: readonly number[]
  readonly daemon: boolean
  readonly mayHaveChildren: boolean
  readonly depth: number
  readonly maxDepth: number
  readonly maxProcesses: number
  /** Base64. */
  readonly authKey: string
  readonly argv: readonly string[]
  readonly parent: { readonly pid: number; readonly name: string }
  /** How a daemon learns that its parent died: by a signal of the kernel's, or by the end of `PARENT_FD`. */
  readonly orphan: 'signal' | 'pipe'
  readonly arenaLayout: number
  readonly ignoreSigint: boolean
  readonly title: string | undefined
  /** What `setStartMethod` chose in the parent. */
  readonly startMethod: StartMethod | null
  /** It waits at `START_FD` for another payload, in place of this one, and loads these modules before. */
  readonly spare?: { readonly modules: readonly string[]; readonly base: string; readonly onError: PreloadErrors }
}

export type StartMethod = 'spawn' | 'prefork' | 'thread'
/** The default first. */
export const startMethods: readonly StartMethod[] = ['spawn', 'prefork', 'thread']
/** What happens when a preloaded module cannot be loaded. */
export type PreloadErrors = 'ignore' | 'warn' | 'throw'

/** What is encoded in one message, so that values shared by two of these are shared in the child too. */
export interface StartBody {
  readonly target: Function | undefined
  readonly args: readonly unknown[]
  readonly kwargs: object | undefined
  /** A subclass of Process, with the own fields of its instance; undefined for a plain Process. */
  readonly class: Function | undefined
  readonly this: Readonly<Record<string, unknown>> | undefined
}

export const RETURNED = 1
export const THREW = 2
/** The value returned could not be encoded; the body is the error that says so. */
export const UNSENDABLE = 3
/** An error outside `run()` ended the process; the body is that error. */
export const CRASHED = 4
const KIND_MASK = 0xff
const WITH_HANDLES = 0x100
export type ResultKind = typeof RETURNED | typeof THREW | typeof UNSENDABLE | typeof CRASHED

/**
 * What a thread finds in its `workerData`, under `THREAD_START`. Layout of `words` (int32):
 *   0  ENDED      1: its 'exit' handlers run, EXIT_CODE is valid     | the thread | the starter
 *   1  EXIT_CODE                                                     | the thread | the starter
 *   2  TASK       its number in /proc/self/task; 0 until it runs     | the thread | the starter
 */
export interface ThreadStart {
  readonly head: StartHead
  readonly body: Uint8Array
  readonly words: Int32Array
  /** Takes one `ResultRecord`. */
  readonly port: MessagePort
}
export const THREAD_START = 'multiproc.start'
export const ENDED = 0
export const EXIT_CODE = 1
export const TASK = 2
export const THREAD_WORDS = 3

export interface ResultRecord {
  readonly kind: ResultKind
  readonly withHandles: boolean
  readonly body: Uint8Array
}

export function payloadBytes(head: StartHead, body: Uint8Array): Uint8Array {
  const json = Buffer.from(JSON.stringify(head))
  const header = Buffer.alloc(PAYLOAD_HEADER_BYTES)
  header.writeInt32LE(PAYLOAD_MAGIC, 0)
  header.writeInt32LE(PROTOCOL_VERSION, 4)
  header.writeInt32LE(json.length, 8)
  return Buffer.concat([header, json, body])
}

/** The head of the payload this process was started with; undefined if it was not started by us. */
export function readHead(): StartHead | undefined {
  const header = Buffer.alloc(PAYLOAD_HEADER_BYTES)
  try {
    if (readSync(PAYLOAD_FD, header, 0, header.length, 0) < header.length) return undefined
  } catch {
    return undefined // not open, or not a file
  }
  if (header.readInt32LE(0) !== PAYLOAD_MAGIC) return undefined
  const version = header.readInt32LE(4)
  if (version !== PROTOCOL_VERSION) {
    throw new MultiprocError(
      'ERR_MULTIPROC_LAYOUT',
      `This process was started by a version of @multiproc/process that speaks protocol ${version}; the one loaded here speaks ${PROTOCOL_VERSION}. Install one version of @multiproc/process.`,
    )
  }
  const json = Buffer.alloc(header.readInt32LE(8))
  readAll(PAYLOAD_FD, json, PAYLOAD_HEADER_BYTES)
  return JSON.parse(json.toString()) as StartHead
}

export function readBody(): Uint8Array {
  const header = Buffer.alloc(PAYLOAD_HEADER_BYTES)
  readAll(PAYLOAD_FD, header, 0)
  const start = PAYLOAD_HEADER_BYTES + header.readInt32LE(8)
  const body = Buffer.alloc(fstatSync(PAYLOAD_FD).size - start)
  readAll(PAYLOAD_FD, body, start)
  return body
}

/** Body first, header last: a process killed while it writes leaves no result instead of half of one. */
export function writeResult(kind: ResultKind, body: Uint8Array, withHandles: boolean): void {
  writeAll(RESULT_FD, body, RESULT_HEADER_BYTES)
  const header = Buffer.alloc(RESULT_HEADER_BYTES)
  header.writeInt32LE(RESULT_MAGIC, 0)
  header.writeInt32LE(kind | (withHandles ? WITH_HANDLES : 0), 4)
  writeAll(RESULT_FD, header, 0)
}

export function readResult(fd: number): ResultRecord | undefined {
  const bytes = Buffer.alloc(fstatSync(fd).size)
  if (bytes.length < RESULT_HEADER_BYTES) return undefined
  readAll(fd, bytes, 0)
  if (bytes.readInt32LE(0) !== RESULT_MAGIC) return undefined
  const flags = bytes.readInt32LE(4)
  return { kind: (flags & KIND_MASK) as ResultKind, withHandles: (flags & WITH_HANDLES) !== 0, body: bytes.subarray(RESULT_HEADER_BYTES) }
}

export function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  // One call moves at most 2 GiB.
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, position + done)
}

function readAll(fd: number, target: Uint8Array, position: number): void {
  for (let done = 0; done < target.length; ) {
    const got = readSync(fd, target, done, target.length - done, position + done)
    if (got === 0) throw new MultiprocError('ERR_MULTIPROC_BAD_FRAME', `A start file ended after ${position + done} bytes; ${target.length - done} more were promised.`)
    done += got
  }
}
