/**
 * What a pool and its workers say to each other.
 *
 * Two-way channel, one record each. Tasks reach a worker in the order in which they were sent, and what it has not read it
 * has not begun: so after a death, or when work is shared out anew, the channel itself says what became of each task.
 *
 *   to the worker    [int32 id][int32 kind][int32 key][int32 attempt][payload]
 *     task           id > 0; the payload is args as the codec writes them, or { fn, args } when key is 0
 *     DEFINE         id = -key: the payload is what tasks name by key from now on: a function, or a constant's value
 *     FORGET         id = 0: the key is not needed any more
 *   from the worker  [int32 id][int32 status | flags][int32 run time in microseconds][value as the codec writes it]
 *
 * Control channel, one-way, to the worker: [CANCEL, id] and [CREDIT, id, n]. They overtake the tasks in the other one, and
 * take nothing out of it.
 */

export const DEFINE = 0
export const FORGET = 1
/** Answers with what `fn(...args)` returned. */
export const CALL = 2
/** Answers with `args.map(fn)`, one item after the other. */
export const MAP = 3
/** The same with `fn(...item)`. */
export const STARMAP = 4
/** Answers with each value that `fn(...args)` yields, as far as it was given credit, and then with what it returned. */
export const STREAM = 5
/** Answers with what `(await import(url))[name](...args)` returned; args are [url, name, args]. */
export const EXPORT = 6
/** Added to MAP and STARMAP: an item that fails fails alone, see `Outcomes`. */
export const EACH = 16
export type TaskKind = number

/** What tasks that are sent with their function have as payload. Named as the error texts name what cannot be sent. */
export interface WholeRequest {
  readonly fn: Function
  readonly args: readonly unknown[]
}

/** The answer to a task with EACH: values in the order of the items; those at `failed` are packed errors. */
export interface Outcomes {
  readonly values: unknown[]
  readonly failed: readonly number[]
}

export const NO_TASK = 0
export const TASK_HEADER_BYTES = 16
export const REPLY_HEADER_BYTES = 12
/** Where in a task's record its attempt stands. */
export const ATTEMPT_AT = 12

/** The initializer is done; the worker takes tasks. Task id 0. */
export const READY = 0
/** The initializer threw the value, and the worker ends. Task id 0. */
export const INIT_FAILED = 1
/** The task returned the value. */
export const RETURNED = 2
/** The task threw the value, or could not be decoded, or its result could not be sent. */
export const THREW = 3
/** The task goes on: one value of a stream. */
export const YIELDED = 4
/** The task goes on: what it told by `report()`. */
export const REPORTED = 5
/** The task goes on: it has asked for its signal, so it may be given time to end by itself. */
export const LISTENS = 6
/** The task was not begun: what it names by key is not here. See `WorkerSlot.takeBack`. */
export const NEEDS = 7
export const STATUS_MASK = 15
/** Added to a status: the worker has grown larger than it may. */
export const OVERGROWN = 16

export const CANCEL = 0
export const CREDIT = 1
export type Control = readonly [typeof CANCEL, number] | readonly [typeof CREDIT, number, number]

/** Where an encoded message lies. */
export interface Record {
  readonly bytes: Uint8Array
  readonly start: number
  readonly length: number
}

interface Body {
  readonly scratch: Uint8Array
  readonly length: number
}

const SLAB_BYTES = 64 * 1024
let slab = new Uint8Array(0)
let used = 0

/**
 * A record to keep: many small ones lie in one piece of memory, which goes with the last of them. A buffer for each would
 * cost more than its bytes.
 */
export function keepRecord(header: readonly number[], body: Body): Record {
  const length = header.length * 4 + body.length
  if (length > SLAB_BYTES / 8) return fill({ bytes: Buffer.allocUnsafeSlow(length), start: 0, length }, header, body)
  if (used + length > slab.length) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
    used = 0
  }
  const record = fill({ bytes: slab, start: used, length }, header, body)
  used += length
  return record
}

const scratch = Buffer.allocUnsafeSlow(SLAB_BYTES / 8)

/** A record to be sent at once: small ones lie in memory that the next one gets, too. */
export function shortRecord(header: readonly number[], body: Body): Record {
  const length = header.length * 4 + body.length
  return fill({ bytes: length > scratch.length ? Buffer.allocUnsafeSlow(length) : scratch, start: 0, length }, header, body)
}

function fill(record: Record, header: readonly number[], { scratch: source, length }: Body): Record {
  const { bytes } = record
  let at = record.start
  for (const word of header) {
    writeWord(bytes, at, word)
    at += 4
  }
  if (length < 64) for (let i = 0; i < length; i++) bytes[at + i] = source[i] as number
  else bytes.set(source.length === length ? source : source.subarray(0, length), at)
  return record
}

export function writeWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word
  bytes[at + 1] = word >> 8
  bytes[at + 2] = word >> 16
  bytes[at + 3] = word >> 24
}

export function readWord(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)
}
