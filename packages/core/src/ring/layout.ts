/**
 * The words of a ring: one range of the arena that carries records from its producers to its consumers.
 *
 * Layout v1 (bytes from the ring's base, little endian; words of the two sides 128 apart) | writer            | reader
 *   0     int32 magic                                                                     | creator           | all, on attach
 *   4     int32 capacity of the record area, in words: a power of two                     | creator           | all, on attach
 *   128   int32 tail: end of the last whole record, in words, by wrap                     | producer          | consumer
 *   256   int32 head: end of the last released record, in words, by wrap                  | consumer          | producer
 *   384   record area
 *
 * A record is [int32 length << 4 | flags][payload][pad to 4 bytes]. It never wraps: when the rest of the area is too
 * short, a record with the flag PAD fills it and the real one follows at the start of the area, published with it.
 *
 * Positions count words for ever and wrap as int32; they are compared by subtraction, and 64-bit ones would cost twice
 * as much for nothing (28 against 16 ns a load and store). 4-byte units, because 8-byte ones with an 8-byte header store
 * a small object in 1.8 times the room.
 */

export const RING_MAGIC = 0x4d_50_52_31 // 'MPR1': the last character is the layout version

/** Indices of words, from the ring's base. */
export const MAGIC = 0
export const CAPACITY = 1
export const TAIL = 32
export const HEAD = 64
export const RECORDS = 96

export const RING_HEAD_BYTES = RECORDS * 4

/** The payload is what the user's code gave as bytes, not an encoded value. */
export const BYTES = 1
/** The payload names an extent that holds the message. The record claims `extentSpan` words, so that a ring never has more than eight of them. */
export const EXTENT = 2
/** The message carries handles: whoever takes it must adopt them first. */
export const HANDLES = 4
/** No record: room that was too short for the one that follows. */
export const PAD = 8
export const FLAG_BITS = 4

export function headerOf(length: number, flags: number): number {
  return (length << FLAG_BITS) | flags // {length: 28 bits, flags: 4 bits}
}

/** The whole of a record in words: header and payload, padded. */
export function spanOf(capacity: number, length: number, flags: number): number {
  return flags & EXTENT ? extentSpan(capacity) : (length + 7) >> 2
}

function extentSpan(capacity: number): number {
  return capacity >> 3
}

/** The longest payload that travels inside the ring. A longer one would make a consumer and a producer take turns. */
export function longestPayload(capacity: number): number {
  return capacity - 4 // a quarter of the area: capacity words * 4 bytes / 4, less the header
}

export function ringBytes(capacityBytes: number): number {
  return RING_HEAD_BYTES + capacityBytes
}
