import type { Agent } from '@multiproc/core'
import {
  ATTEMPT_SHIFT, CURSOR_POSITION, CURSOR_REF, DONE, END, EXTENT, FLAGS, HEAD_POSITION, HEAD_REF, HELD_WORDS, LENGTH_MASK,
  IMMEDIATE, JOINABLE, LOST, MAGIC, MAX_ATTEMPTS, MAX_RETRIES, MAX_SIZE, MAX_WORDS, NEXT, OWED, ownerOf, READY, recordWords,
  RETRY_SHIFT, SEGMENT_GENERATION,
  SEGMENT_HEADER_WORDS, SEGMENT_NEXT, SHUT_DOWN, SIZE, stateOf, STATE_SHIFT, STORE_MAGIC, STORE_VERSION, TAIL_POSITION,
  TAIL_REF, TAKEN, VERSION,
} from './layout.ts'
import { clearSegment, Place } from './segment.ts'
import type { SegmentMemory, SegmentView } from './segment.ts'

/** An item this thread has TAKEN: where it lies, until `done` says that it reached its consumer. */
export interface Taken {
  readonly view: SegmentView
  /** Index in `view.words` of the record. */
  readonly index: number
  readonly length: number
  readonly isExtent: boolean
  /** Consumers that died with it, or gave it back, before. */
  readonly attempt: number
}

export type PutOutcome = 'put' | 'full' | 'shut down'

/** Every 64th look starts from the head, so that items of dead consumers come back though newer ones keep arriving. */
const LOOK_FROM_HEAD_EVERY = 64

/**
 * The index of a queue. Every method but `done` and the plain reads is called with the queue's mutex held, and after
 * `recount()` whenever the mutex said that its last holder died. Layout, states and deaths: layout.ts.
 */
export class Store {
  readonly #agent: Agent
  readonly #words: Int32Array
  readonly #base: number
  readonly #memory: SegmentMemory
  readonly #place: Place
  #looks = 0

  constructor(agent: Agent, words: Int32Array, base: number, memory: SegmentMemory) {
    this.#agent = agent
    this.#words = words
    this.#base = base
    this.#memory = memory
    this.#place = new Place(memory)
  }

  /** Writes an empty store. Called by the creator before anybody else can see it. */
  format(maxSize: number, maxWords: number, flags = 0): void {
    const first = this.#memory.allocate()
    clearSegment(this.#agent, this.#memory.view(first.ref), first.generation)
    this.#set(FLAGS, flags)
    this.#set(MAX_SIZE, maxSize)
    this.#set(MAX_WORDS, maxWords)
    for (const [ref, position] of [[HEAD_REF, HEAD_POSITION], [CURSOR_REF, CURSOR_POSITION], [TAIL_REF, TAIL_POSITION]] as const) {
      this.#set(ref, first.ref)
      this.#set(position, SEGMENT_HEADER_WORDS)
    }
    this.#set(VERSION, STORE_VERSION)
    this.#set(MAGIC, STORE_MAGIC)
  }

  get layoutVersion(): number {
    return this.#get(MAGIC) === STORE_MAGIC ? this.#get(VERSION) : -1
  }

  get maxSize(): number {
    return this.#get(MAX_SIZE)
  }

  /** READY items, as one load: exact between two steps of the index. */
  get size(): number {
    return this.#get(SIZE)
  }

  get lost(): number {
    return this.#get(LOST)
  }

  get flags(): number {
    return this.#get(FLAGS)
  }

  /** No item would find room now. Putters that wait look at this without the mutex, then try. */
  get isFull(): boolean {
    const maxSize = this.#get(MAX_SIZE)
    const maxWords = this.#get(MAX_WORDS)
    return (maxSize > 0 && this.#get(SIZE) >= maxSize) || (maxWords > 0 && this.#get(HELD_WORDS) >= maxWords)
  }

  setFlags(flags: number): void {
    this.#set(FLAGS, this.#get(FLAGS) | flags)
  }

  /**
   * Appends one item. `weightBytes` is its encoded size, also where the record only holds the address of an extent.
   * An item larger than `maxBytes` is let in when the queue is empty, else it could never be put.
   */
  put(payload: Uint8Array, length: number, isExtent: boolean, weightBytes = length): PutOutcome {
    if (this.#get(FLAGS) & SHUT_DOWN) return 'shut down'
    const weight = (weightBytes + 3) >> 2
    const maxWords = this.#get(MAX_WORDS)
    const held = this.#get(HELD_WORDS)
    if (this.isFull || (maxWords > 0 && held > 0 && held + weight > maxWords)) return 'full'
    const place = this.#tailWithRoomFor(recordWords(length))
    const { words, bytes } = place.view
    const index = place.index
    bytes.set(length === payload.length ? payload : payload.subarray(0, length), (index + 2) << 2)
    const { ops } = this.#agent
    ops.store(words, index + 1, isExtent ? EXTENT | length : length) // {attempt: 0}
    // The terminator first: what a dead putter left there must not read as a record once this one is READY.
    ops.store(words, index + recordWords(length), END)
    // PUBLISH(Q1): payload, length and terminator above are visible to OBSERVE(Q1) in take().
    ops.store(words, index, (READY << STATE_SHIFT) | this.#agent.id)
    this.#set(TAIL_POSITION, place.position + recordWords(length))
    this.#set(HELD_WORDS, held + weight)
    this.#set(SIZE, this.#get(SIZE) + 1)
    return 'put'
  }

  /** Takes the oldest item that can be had. `fromHead` also takes back what dead consumers had. */
  take(fromHead: boolean): Taken | undefined {
    this.#looks += 1
    if (fromHead || this.#looks % LOOK_FROM_HEAD_EVERY === 0) {
      this.#advanceHead()
      const taken = this.#takeFromDead()
      if (taken) return taken
    }
    const { ops, id } = this.#agent
    const place = this.#place
    place.moveTo(this.#get(CURSOR_REF), this.#get(CURSOR_POSITION))
    for (;;) {
      const { words } = place.view
      const index = place.index
      const word = ops.load(words, index) // OBSERVE(Q1)
      const state = stateOf(word)
      if (state === END) break
      if (!this.#step(place, word)) continue
      if (state !== READY) continue
      const header = ops.load(words, index + 1)
      ops.store(words, index, (TAKEN << STATE_SHIFT) | id)
      this.#set(CURSOR_REF, place.ref)
      this.#set(CURSOR_POSITION, place.position)
      const taken = this.#describe(place.view, index, header)
      this.#set(HELD_WORDS, this.#get(HELD_WORDS) - this.#weight(place.view, index, header))
      this.#set(SIZE, this.#get(SIZE) - 1)
      this.#advanceHead()
      return taken
    }
    this.#set(CURSOR_REF, place.ref)
    this.#set(CURSOR_POSITION, place.position)
    this.#advanceHead()
    return undefined
  }

  /**
   * The item reached its consumer, who owes a `taskDone` for it if `owes`. Needs no mutex: only its owner may write a TAKEN
   * record while that owner lives.
   */
  done(taken: Taken, owes = false): void {
    this.#agent.ops.store(taken.view.words, taken.index, owes ? (OWED << STATE_SHIFT) | this.#agent.id : DONE << STATE_SHIFT)
  }

  /** Gives a TAKEN item back, at its old place, so that it is the next one if none older is there. */
  giveBack({ view, index }: Taken): void {
    const { ops, id } = this.#agent
    const header = ops.load(view.words, index + 1)
    const retries = Math.min(MAX_RETRIES, retriesOf(header) + 1)
    ops.store(view.words, index + 1, (header & ~(MAX_RETRIES << RETRY_SHIFT)) | (retries << RETRY_SHIFT))
    ops.store(view.words, index, (READY << STATE_SHIFT) | id)
    this.#set(SIZE, this.#get(SIZE) + 1)
    this.#set(HELD_WORDS, this.#get(HELD_WORDS) + this.#weight(view, index, header))
    this.#walkTaken((_view, at, _word, place) => {
      if (place.view.words !== view.words || at !== index) return false
      this.#set(CURSOR_REF, place.ref)
      this.#set(CURSOR_POSITION, place.position)
      return true
    }, READY)
  }

  /**
   * One item less is owed: the oldest of this thread's, or of anybody's if it owes none. False: nobody owes any.
   * What dead consumers owe is settled before.
   */
  settleOne(): boolean {
    const { ops, id } = this.#agent
    this.#settleDead()
    let any: { view: SegmentView; index: number } | undefined
    let own: typeof any
    this.#walkAll((view, index, word) => {
      if (stateOf(word) !== OWED) return false
      any ??= { view, index }
      if (ownerOf(word) === id) own = { view, index }
      return own !== undefined
    })
    const found = own ?? any
    if (found) ops.store(found.view.words, found.index, DONE << STATE_SHIFT)
    this.#advanceHead()
    return found !== undefined
  }

  /** True when every item that was put is done, or lost with its consumer. */
  isAllDone(): boolean {
    this.#settleDead()
    const immediate = (this.#get(FLAGS) & IMMEDIATE) !== 0
    let open = false
    this.#walkAll((_view, _index, word) => {
      const state = stateOf(word)
      open = state === OWED || state === TAKEN || (state === READY && !immediate)
      return open
    })
    return !open
  }

  /** Whose death may settle what `isAllDone` waits for. */
  debtors(): number[] {
    const owners = new Set<number>()
    this.#walkAll((_view, _index, word) => {
      if (stateOf(word) === OWED || stateOf(word) === TAKEN) owners.add(ownerOf(word))
      return false
    })
    return [...owners]
  }

  get isJoinable(): boolean {
    return (this.#get(FLAGS) & JOINABLE) !== 0
  }

  /** The threads that have TAKEN an item and are not done with it: their death gives an item back. */
  takers(): number[] {
    const owners = new Set<number>()
    this.#walkTaken((_view, _index, word) => {
      owners.add(ownerOf(word))
      return false
    })
    return [...owners]
  }

  /** Makes the cached words anew from the records. Called first thing by whoever gets the mutex after a holder's death. */
  recount(): void {
    const place = this.#place
    let size = 0
    let held = 0
    let cursorSet = false
    place.moveTo(this.#get(HEAD_REF), this.#get(HEAD_POSITION))
    for (;;) {
      const { view } = place
      const index = place.index
      const word = this.#agent.ops.load(view.words, index)
      const state = stateOf(word)
      if (!cursorSet && (state === READY || state === END)) {
        cursorSet = true
        this.#set(CURSOR_REF, place.ref)
        this.#set(CURSOR_POSITION, place.position)
      }
      if (state === END) break
      if (state === READY) {
        size += 1
        held += this.#weight(view, index, this.#agent.ops.load(view.words, index + 1))
      }
      this.#step(place, word)
    }
    this.#set(TAIL_REF, place.ref)
    this.#set(TAIL_POSITION, place.position)
    this.#set(SIZE, size)
    this.#set(HELD_WORDS, held)
  }

  /** The tail, moved on to a new segment when `needed` words and a terminator do not fit. */
  #tailWithRoomFor(needed: number): Place {
    const place = this.#place
    place.moveTo(this.#get(TAIL_REF), this.#get(TAIL_POSITION))
    if (place.position + needed + 1 <= this.#memory.segmentWords) return place
    const { ops } = this.#agent
    const { words, base } = place.view
    let next = ops.load(words, base + SEGMENT_NEXT)
    if (next === 0) {
      const segment = this.#memory.allocate()
      clearSegment(this.#agent, this.#memory.view(segment.ref), segment.generation)
      next = segment.ref
      ops.store(words, base + SEGMENT_NEXT, next)
    }
    ops.store(words, place.index, NEXT << STATE_SHIFT)
    this.#set(TAIL_REF, next)
    this.#set(TAIL_POSITION, SEGMENT_HEADER_WORDS)
    place.moveTo(next, SEGMENT_HEADER_WORDS)
    return place
  }

  /** Moves `place` behind the record whose first word is `word`. False: it went on to the next segment instead. */
  #step(place: Place, word: number): boolean {
    const { words, base } = place.view
    if (stateOf(word) === NEXT) {
      place.moveTo(this.#agent.ops.load(words, base + SEGMENT_NEXT), SEGMENT_HEADER_WORDS)
      return false
    }
    place.position += recordWords(this.#agent.ops.load(words, place.index + 1) & LENGTH_MASK)
    return true
  }

  /** An item whose consumer died comes back before newer ones, or is given up after MAX_ATTEMPTS. */
  #takeFromDead(): Taken | undefined {
    const { ops, id } = this.#agent
    let found: Taken | undefined
    this.#walkTaken((view, index, word) => {
      if (!this.#agent.isDead(ownerOf(word))) return false
      const header = ops.load(view.words, index + 1)
      const attempt = (header >>> ATTEMPT_SHIFT) + 1
      if (attempt >= MAX_ATTEMPTS) {
        ops.store(view.words, index, DONE << STATE_SHIFT)
        this.#set(LOST, this.lost + 1)
        return false
      }
      const counted = (header & ((1 << ATTEMPT_SHIFT) - 1)) | (attempt << ATTEMPT_SHIFT)
      ops.store(view.words, index + 1, counted)
      ops.store(view.words, index, (TAKEN << STATE_SHIFT) | id)
      found = this.#describe(view, index, counted)
      return true
    })
    return found
  }

  #settleDead(): void {
    this.#walkAll((view, index, word) => {
      if (stateOf(word) !== OWED || !this.#agent.isDead(ownerOf(word))) return false
      this.#agent.ops.store(view.words, index, DONE << STATE_SHIFT)
      this.#set(LOST, this.lost + 1)
      return false
    })
  }

  /** Visits all records from the head on. The visitor returns true to stop. */
  #walkAll(visit: (view: SegmentView, index: number, word: number) => boolean): void {
    const place = this.#place
    place.moveTo(this.#get(HEAD_REF), this.#get(HEAD_POSITION))
    for (;;) {
      const word = this.#agent.ops.load(place.view.words, place.index)
      if (stateOf(word) === END || (stateOf(word) !== NEXT && visit(place.view, place.index, word))) return
      this.#step(place, word)
    }
  }

  /** Visits the TAKEN records (or those of `state`) between head and cursor. The visitor returns true to stop. */
  #walkTaken(visit: (view: SegmentView, index: number, word: number, place: Place) => boolean, state = TAKEN): void {
    const place = this.#place
    const endRef = this.#get(CURSOR_REF)
    const endPosition = this.#get(CURSOR_POSITION)
    place.moveTo(this.#get(HEAD_REF), this.#get(HEAD_POSITION))
    while (place.ref !== endRef || place.position !== endPosition) {
      const { view } = place
      const index = place.index
      const word = this.#agent.ops.load(view.words, index)
      if (stateOf(word) === END) return
      if (stateOf(word) === state && visit(view, index, word, place)) return
      this.#step(place, word)
    }
  }

  /** Passes DONE records; a segment that lies wholly before the head is given back. */
  #advanceHead(): void {
    const { ops } = this.#agent
    const place = this.#place
    place.moveTo(this.#get(HEAD_REF), this.#get(HEAD_POSITION))
    for (;;) {
      const word = ops.load(place.view.words, place.index)
      const state = stateOf(word)
      if (state !== DONE && state !== NEXT) break
      // The cursor never lies behind the head: it passed these records before they were DONE.
      const { ref, view } = place
      this.#step(place, word)
      if (place.ref !== ref) {
        const generation = ops.load(view.words, view.base + SEGMENT_GENERATION)
        if (this.#get(CURSOR_REF) === ref) {
          this.#set(CURSOR_REF, place.ref)
          this.#set(CURSOR_POSITION, place.position)
        }
        this.#set(HEAD_POSITION, place.position)
        this.#set(HEAD_REF, place.ref)
        this.#memory.free(ref, generation)
      }
    }
    this.#set(HEAD_POSITION, place.position)
  }

  #describe(view: SegmentView, index: number, header: number): Taken {
    return { view, index, length: header & LENGTH_MASK, isExtent: (header & EXTENT) !== 0, attempt: (header >>> ATTEMPT_SHIFT) + retriesOf(header) }
  }

  /** Encoded words of an item; an extent's record holds its size in its third payload word (queue.ts writes it). */
  #weight(view: SegmentView, index: number, header: number): number {
    const lengthBytes = header & EXTENT ? this.#agent.ops.load(view.words, index + 2 + EXTENT_LENGTH_WORD) : header & LENGTH_MASK
    return (lengthBytes + 3) >> 2
  }

  #get(word: number): number {
    return this.#agent.ops.load(this.#words, this.#base + word)
  }

  #set(word: number, value: number): void {
    this.#agent.ops.store(this.#words, this.#base + word, value)
  }
}

function retriesOf(header: number): number {
  return (header >>> RETRY_SHIFT) & MAX_RETRIES
}

/** Payload of an extent's record: [ref][generation][length in bytes]. */
export const EXTENT_LENGTH_WORD = 2
