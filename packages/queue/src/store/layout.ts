/**
 * The queue store: items of many producers and consumers, first in first out, in a chain of segments of the arena.
 * Blocking: every step on the index is made under the queue's mutex, which outlives a dead holder. Items are encoded
 * before it and decoded after it, so no user code ever runs while it is held.
 *
 * Layout v1. Head (int32 words, from the store's base; behind the block's holder table)
 *   word                                                        | writer          | reader
 *   0  magic, 1  version                                        | creator         | all (checked on attach)
 *   2  maxSize    items, 0: no limit                            | creator         | putters
 *   3  maxWords   encoded size in 4-byte words, 0: no limit    | creator         | putters
 *   4  flags      SHUT_DOWN 1, IMMEDIATE 2, JOINABLE 4           | mutex holder    | all
 *   5  size       READY items                              (c)  | mutex holder    | all
 *   6  held       encoded words of READY items             (c)  | mutex holder    | mutex holder
 *   7  lost       items given up after three dead consumers, and OWED ones of dead consumers | mutex holder | all
 *   8  headRef    first segment, 9 headPosition: first record that is not DONE (c) | mutex holder | mutex holder
 *   10 cursorRef, 11 cursorPosition: everything before it is TAKEN or DONE     (c) | mutex holder | mutex holder
 *   12 tailRef, 13 tailPosition: where the next record goes                    (c) | mutex holder | mutex holder
 *   16 mutex, then the waiters: getters, putters, joiners
 * Words marked (c) are caches: the records alone are the truth, and `recount()` makes the caches anew from `headRef`.
 * It runs when the mutex says that its last holder died, which is why no redo log is needed here.
 *
 * Segment: words 0 next (ref, 0: none), 1 its own generation, records from word 2.
 * Record: [int32 state << 27 | owner id][int32 deaths << 29 | EXTENT << 28 | retries << 16 | length in bytes][payload, padded to 4].
 *
 * State    set by                              legal next
 *   END    the put before (terminator)         READY (put), NEXT (segment is full)
 *   READY  put                                 TAKEN
 *   TAKEN  get or lease, owner: the consumer   DONE (handed to its code, or the lease done), OWED (the same, JOINABLE),
 *                                              READY (lease.retry), TAKEN by another once its owner is dead
 *   OWED   get, JOINABLE; owner: the consumer  DONE (taskDone, or by whoever finds its owner dead)
 *   DONE   the consumer, or whoever gives up   (passed by the head, gone with its segment)
 *   NEXT   put, when the record does not fit   (the chain goes on in the next segment)
 *
 * Death of a mutex holder after           leaves                                who repairs, how
 *   payload written                       bytes behind END, unseen              nobody: the next put writes over them
 *   terminator, before READY              the same                              nobody
 *   READY, before the caches              an item the caches do not count       next mutex holder: recount()
 *   segment allocated, not linked         one segment that nobody uses          goes with the queue (64 KiB a kill)
 *   segment linked, before NEXT           `next` set, END still there           next put that needs it uses it
 *   TAKEN, before the caches              as READY                              recount()
 *   READY again (retry), before the caches  as READY                            recount()
 *   headRef moved, old segment not freed  one segment that nobody uses          goes with the queue
 * Death of a consumer that TOOK an item: the item is taken again, at its old place, by the next getter that looks from
 * the head; getters that sleep watch the owners of TAKEN items. After MAX_ATTEMPTS consumers died with it, it is given
 * up and counted in `lost`: an item that kills its consumer must not kill them all.
 */
export const STORE_MAGIC = 0x71756575
export const STORE_VERSION = 1

export const MAGIC = 0
export const VERSION = 1
export const MAX_SIZE = 2
export const MAX_WORDS = 3
export const FLAGS = 4
export const SIZE = 5
export const HELD_WORDS = 6
export const LOST = 7
export const HEAD_REF = 8
export const HEAD_POSITION = 9
export const CURSOR_REF = 10
export const CURSOR_POSITION = 11
export const TAIL_REF = 12
export const TAIL_POSITION = 13
export const HEAD_WORDS = 16

export const SHUT_DOWN = 1
export const IMMEDIATE = 2
export const JOINABLE = 4

export const SEGMENT_NEXT = 0
export const SEGMENT_GENERATION = 1
/** Words before a segment's first record. */
export const SEGMENT_HEADER_WORDS = 2

export const STATE_SHIFT = 27
export const OWNER_MASK = (1 << STATE_SHIFT) - 1
export const END = 0
export const READY = 1
export const TAKEN = 2
export const DONE = 3
export const NEXT = 4
export const OWED = 5

export const ATTEMPT_SHIFT = 29
export const EXTENT = 1 << 28
/** Longer payloads lie in an extent. */
export const LENGTH_MASK = (1 << 16) - 1
export const RETRY_SHIFT = 16
/** More retries than this are not counted. */
export const MAX_RETRIES = (1 << 12) - 1
/** An item whose consumer died this often while it had it is given up. Two bits of the record count the attempts. */
export const MAX_ATTEMPTS = 3

/** state << 27 | owner */
export const stateOf = (word: number): number => word >>> STATE_SHIFT
export const ownerOf = (word: number): number => word & OWNER_MASK
/** Words of a record: two of header, then the payload. */
export const recordWords = (lengthBytes: number): number => 2 + ((lengthBytes + 3) >> 2)
