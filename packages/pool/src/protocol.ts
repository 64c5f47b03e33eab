/**
 * What a pool and its workers say to each other, over one two-way channel per worker. Tasks reach a worker in the order
 * in which they were sent, and it does one at a time; so the oldest task that it has not answered is the one it runs.
 *
 * To the worker: [int32 task id][request as the codec writes it]. A definition of key k has id -k, letting go of one id 0;
 * neither is answered.
 * From the worker: [int32 task id][int32 status][int32 run time in microseconds][value as the codec writes it].
 */

/** Requests may name `fn` by `key` from now on. */
export const DEFINE = 0
export const FORGET = 1
/** Answers with what `fn(...args)` returned. */
export const CALL = 2
/** Answers with `args.map(fn)`, one item after the other. */
export const MAP = 3
/** The same with `fn(...item)`. */
export const STARMAP = 4
export type TaskKind = typeof CALL | typeof MAP | typeof STARMAP

/** The fields are named as the error texts for what cannot be sent name them: `args[0].onDone`. */
export interface TaskRequest {
  readonly kind: TaskKind
  /** Or the key of one that was defined. */
  readonly fn: Function | number
  readonly args: readonly unknown[]
}

export type Request = { readonly kind: typeof DEFINE; readonly key: number; readonly fn: Function } | { readonly kind: typeof FORGET; readonly key: number } | TaskRequest

export const NO_TASK = 0
export const REQUEST_HEADER_BYTES = 4
export const REPLY_HEADER_BYTES = 12

/** The initializer is done; the worker takes tasks. Task id 0. */
export const READY = 0
/** The initializer threw the value, and the worker ends. Task id 0. */
export const INIT_FAILED = 1
/** The task returned the value. */
export const RETURNED = 2
/** The task threw the value, or could not be decoded, or its result could not be sent. */
export const THREW = 3
export type ReplyStatus = typeof READY | typeof INIT_FAILED | typeof RETURNED | typeof THREW

/** A message with its header in one buffer of its own. */
export function frame(header: readonly number[], body: { readonly scratch: Uint8Array; readonly length: number }): Buffer {
  const at = header.length * 4
  const bytes = Buffer.allocUnsafe(at + body.length)
  for (let i = 0; i < header.length; i++) bytes.writeInt32LE(header[i] as number, i * 4)
  bytes.set(body.length === body.scratch.length ? body.scratch : body.scratch.subarray(0, body.length), at)
  return bytes
}
