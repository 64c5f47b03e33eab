/**
 * What the clients (one in each thread that uses a proxy) and the server of a manager say to each other.
 *
 * Requests go into one queue that all clients share, the server's inbox: it has no limit, so a request is there for the
 * server when the call returns, even if its process ends right then; and the order in which requests were put is the order in
 * which they are done. Arguments travel in it as a message of their own, so that those which cannot be decoded spoil one
 * call, and the server knows which.
 *
 * Replies go to each client by a one-way channel, which it sends with its first request. Since the server holds the writing
 * end from then on, the end of that channel is how the client learns of the server's death, waiting in its event loop or
 * blocked. A reply: [int32 call id][int32 status][value as the codec writes it].
 */
import type { Channel } from '@multiproc/core'
import type { Referent } from './referent.ts'

export type TypeName = 'dict' | 'list' | 'set' | 'namespace' | 'value'

/** What an object is called between processes: its place in the arena, and which of those there one after another. */
export type ObjectId = string

/** The first request of a client. Answered with READY. */
export interface Hello {
  readonly kind: 'hello'
  /** Thread id of the client: its death ends what it holds. */
  readonly client: number
  /** The server writes to one end, and keeps the other to take out what a dead client has not read. */
  readonly replies: { readonly writer: Channel; readonly reader: Channel }
}

export interface Create {
  readonly kind: 'create'
  readonly client: number
  readonly call: number
  readonly type: TypeName
  readonly referent: Referent
  /** Encoded: [initial value]. */
  readonly args: Uint8Array
}

export interface Call {
  readonly kind: 'call'
  readonly client: number
  readonly call: number
  readonly object: ObjectId
  readonly method: string
  /** Encoded: an array. */
  readonly args: Uint8Array
}

/** A thread has let go of its last proxy: perhaps nobody has one any more. Not answered. */
export interface Release {
  readonly kind: 'release'
  readonly object: ObjectId
}

export type Request = Hello | Create | Call | Release

/** A method that each object has beside those of its type: gives the whole contents. No type can have one of that name. */
export const COPY = '#copy'

export const NO_CALL = 0
export const REPLY_HEADER_BYTES = 8

/** To the hello: the server is up. The value is nothing. */
export const READY = 0
export const RETURNED = 1
/** The value is what `packThrown` makes. */
export const THREW = 2
export type ReplyStatus = typeof READY | typeof RETURNED | typeof THREW

export function replyFrame(call: number, status: ReplyStatus, body: { readonly scratch: Uint8Array; readonly length: number }): Buffer {
  const bytes = Buffer.allocUnsafe(REPLY_HEADER_BYTES + body.length)
  bytes.writeInt32LE(call, 0)
  bytes.writeInt32LE(status, 4)
  bytes.set(body.scratch.subarray(0, body.length), REPLY_HEADER_BYTES)
  return bytes
}
