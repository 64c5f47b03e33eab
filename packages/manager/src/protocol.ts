/**
 * What the clients (one in each thread that uses a proxy) and the server of a manager say to each other.
 *
 * A client and the server have one two-way carrier: a channel in shared memory, or a connection from another machine. What a
 * client says goes into it at once, one record a frame; it is on its way when the call returns, and records of one client are
 * read in their order. The server answers as it is done, several records a frame. A client in the family brings its channel to
 * the server's inbox, a queue; nothing else ever goes through it.
 *
 * Arguments and results are messages of their own inside a record, so that one that cannot be decoded spoils one call, and
 * both sides know which.
 *
 *   request  [u8 kind][u32 call][u16 length, object id][u16 length, method or type][body]
 *   reply    [u32 length of what follows][u32 call][u8 status][body]
 */
import type { Channel } from '@multiproc/core'
import { MultiprocError } from '@multiproc/core'

/** What an object is called between processes; in the family: its place in the arena (referent.ts). */
export type ObjectId = string

/** Of a client in the family. Answered with READY. */
export interface Hello {
  /** Thread id of the client: its death ends what it holds. */
  readonly client: number
  /** The server's end, and the client's: to take out what a dead client has not read. */
  readonly ends: { readonly server: Channel; readonly client: Channel }
}

/** Makes an object. Body: in the family `{ args, referent }`, else `{ args }`. */
export const CREATE = 1
/** Body: the arguments, an array. */
export const CALL = 2
/** The client has let go of its last proxy of an object: perhaps nobody has one any more. Not answered. Body: none. */
export const RELEASE = 3
/** The signal of a call was aborted: it ends with AbortError, or has ended. Not answered itself. */
export const CANCEL = 4
/** Of a client elsewhere: first of all. Body: [PROTOCOL_VERSION]. Answered with READY. */
export const HELLO = 5
/** Of a client elsewhere: it has one more proxy of the object, which somebody else gave it. Not answered. */
export const HOLD = 6
const KINDS = 6

export const PROTOCOL_VERSION = 1

export interface Request {
  readonly kind: number
  readonly call: number
  readonly object: ObjectId
  readonly method: string
  /** View of the frame; empty without one. */
  readonly body: Uint8Array
}

/** Methods that each object has beside its own: no method of an object begins with `#`. */
export const COPY = '#copy'
/** What inspect shows: `{ contents }` or `{ text }`. */
export const SHOW = '#show'
/** The value of a getter or field. */
export const GET = '#get'
/** The names of its methods, and of its getters and fields: `{ methods, fields }`. */
export const DESCRIBE = '#describe'

/** To HELLO: the server is up. The body is what it says of itself. */
export const READY = 0
export const RETURNED = 1
/** The body is what `packThrown` makes. */
export const THREW = 2
export type ReplyStatus = typeof READY | typeof RETURNED | typeof THREW

export const NO_CALL = 0
const nothing = new Uint8Array()
const REPLY_HEADER = 9

interface Body {
  readonly scratch: Uint8Array
  readonly length: number
}

export function requestFrame(kind: number, call: number, object: ObjectId, method: string, body?: Body): Buffer {
  const [objectBytes, methodBytes] = [Buffer.byteLength(object), Buffer.byteLength(method)]
  const length = body?.length ?? 0
  const frame = Buffer.allocUnsafe(9 + objectBytes + methodBytes + length)
  frame[0] = kind
  frame.writeUInt32LE(call, 1)
  frame.writeUInt16LE(objectBytes, 5)
  frame.write(object, 7)
  frame.writeUInt16LE(methodBytes, 7 + objectBytes)
  frame.write(method, 9 + objectBytes)
  if (body !== undefined) frame.set(body.scratch.subarray(0, length), 9 + objectBytes + methodBytes)
  return frame
}

/** @throws ERR_MULTIPROC_BAD_FRAME for what no client of this version sends. */
export function readRequest(frame: Buffer): Request {
  const kind = frame[0] ?? 0
  if (frame.length < 9 || kind < 1 || kind > KINDS) throw badFrame()
  const objectEnd = 7 + frame.readUInt16LE(5)
  if (objectEnd + 2 > frame.length) throw badFrame()
  const methodEnd = objectEnd + 2 + frame.readUInt16LE(objectEnd)
  if (methodEnd > frame.length) throw badFrame()
  return {
    kind,
    call: frame.readUInt32LE(1),
    object: frame.toString('utf8', 7, objectEnd),
    method: frame.toString('utf8', objectEnd + 2, methodEnd),
    body: methodEnd === frame.length ? nothing : frame.subarray(methodEnd),
  }
}

/** Replies on their way into one frame. */
export class ReplyFrame {
  #bytes = Buffer.allocUnsafeSlow(4096)
  length = 0

  add(call: number, status: ReplyStatus, body: Body): void {
    const { length } = body
    const end = this.length + REPLY_HEADER + length
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, 2 * this.#bytes.length))
      larger.set(this.#bytes.subarray(0, this.length))
      this.#bytes = larger
    }
    const bytes = this.#bytes
    bytes.writeUInt32LE(REPLY_HEADER - 4 + length, this.length)
    bytes.writeUInt32LE(call, this.length + 4)
    bytes[this.length + 8] = status
    bytes.set(body.scratch.subarray(0, length), this.length + REPLY_HEADER)
    this.length = end
  }

  /** What was added so far; valid until the next `add`. */
  take(): Buffer {
    const bytes = this.#bytes.subarray(0, this.length)
    this.length = 0
    if (this.#bytes.length > 65_536) this.#bytes = Buffer.allocUnsafeSlow(4096)
    return bytes
  }
}

/** Calls `told` for each reply of a frame: where its body is. @throws ERR_MULTIPROC_BAD_FRAME */
export function readReplies(frame: Buffer, told: (call: number, status: number, start: number, end: number) => void): void {
  for (let at = 0; at < frame.length; ) {
    if (at + REPLY_HEADER > frame.length) throw badFrame()
    const end = at + 4 + frame.readUInt32LE(at)
    if (end < at + REPLY_HEADER || end > frame.length) throw badFrame()
    told(frame.readUInt32LE(at + 4), frame[at + 8]!, at + REPLY_HEADER, end)
    at = end
  }
}

export function badFrame(): MultiprocError {
  return new MultiprocError('ERR_MULTIPROC_BAD_FRAME', 'a received record is none of this version of @multiproc/manager. Use the same version on both sides, and let nothing else write there.')
}
