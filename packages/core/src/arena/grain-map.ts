import type { Agent } from '../contracts/agent.ts'
import type { ArenaMemory } from '../contracts/arena-memory.ts'
import { MultiprocError } from '../errors/base.ts'
import { ALLOCATOR_LISTS_OFFSET, CHUNK_BYTES, GRAIN_BYTES, GRAIN_COUNT, GRAIN_MAP_OFFSET } from './layout.ts'
import type { RedoLog } from './redo-log.ts'

/**
 * Which 64 KiB grains of the arena are free. Neighbouring free grains are always one run; the map says so at the run's
 * two ends (boundary tags), so that taking and giving back a run of any length changes a few words.
 *
 * Layout v1, one int32 word a grain                                        | writer                    | reader
 *   bits 28, 29  kind: 0 inside a run, or not there; FREE, RUN, SMALL      | allocator lock, by log    | lock, isLive()
 *   bit 27       LAST: the tag of the last grain of a longer run           |
 *   bits 0–17    FREE, RUN: grains in the run; SMALL: size class           |
 * Words in the allocator's lists (int32)
 *   1   END       grains there are, chunk 0 included; 0 means 64           | allocator lock, by log    | lock
 *   2   LOWEST    start of a run; no grain below is free                   | allocator lock            | lock
 *   3   RESIDENT  grains given back since the last trim(), about           | allocator lock            | lock
 *   5   TOUCHED   grains from here on were never handed out: all zero      | allocator lock            | lock
 *
 * State    tag      set by    legal next
 *   FREE   FREE     give()    RUN, SMALL: take(); part of a longer FREE run: give()
 *   RUN    RUN      take()    FREE
 *   SMALL  SMALL    take()    FREE
 *
 * Death between                            leaves                               who repairs, how
 *   growth of the file and END             a longer file                        next grow() asks for the same size
 *   LOWEST lowered and commit              LOWEST lower than it could be        next take() raises it
 *   TOUCHED raised and commit              zero grains taken for used ones      nobody: they are zeroed once more
 *   commit and RESIDENT; punch and reset   RESIDENT a little wrong              nobody: pages go back earlier or later
 *   two words of a transaction             –                                    redo log
 *
 * Inside a run all words are 0 (merging clears the tags it swallows), so a handle kept beyond its block's end never finds
 * a tag there (isLive() in allocator.ts).
 */
export const FREE = 1
export const RUN = 2
export const SMALL = 3
const KIND_SHIFT = 28
const LAST = 1 << 27
const VALUE_MASK = (1 << 18) - 1

const END = 1
const LOWEST = 2
const RESIDENT = 3
const TOUCHED = 5

const CHUNK_GRAINS = CHUNK_BYTES / GRAIN_BYTES
/**
 * Freed grains keep their pages up to here (64 MiB): fresh pages are what limits large messages. Measured on a virtual
 * machine: zeroing 128 KiB 3–6 µs on pages that are there, 900 µs on fresh ones; giving them back 3 µs and more.
 */
const RESIDENT_LIMIT = 1024

export function kindOf(tag: number): number {
  return tag >>> KIND_SHIFT
}

/** The size class of a SMALL grain. */
export function classOf(tag: number): number {
  return tag & VALUE_MASK
}

/** True for the word of a run's first grain, false inside it and at its end. */
export function isFirst(tag: number): boolean {
  return tag !== 0 && (tag & LAST) === 0
}

function lengthOf(tag: number): number {
  if (kindOf(tag) === SMALL) return 1
  if (tag === 0) throw new Error('grain map damaged: a run begins without a tag. Something has written outside its block.')
  return tag & VALUE_MASK
}

function mapOffset(grain: number): number {
  return GRAIN_MAP_OFFSET + grain * 4
}

export class GrainMap {
  readonly #agent: Agent
  readonly #memory: ArenaMemory
  readonly #log: RedoLog
  readonly #words: Int32Array
  readonly #map = GRAIN_MAP_OFFSET >> 2
  readonly #lists = ALLOCATOR_LISTS_OFFSET >> 2

  constructor(agent: Agent, memory: ArenaMemory, log: RedoLog) {
    this.#agent = agent
    this.#memory = memory
    this.#log = log
    this.#words = memory.region(0).words
  }

  /** The first grain that can be handed out. */
  get first(): number {
    return CHUNK_GRAINS
  }

  get end(): number {
    return this.#words[this.#lists + END] || CHUNK_GRAINS
  }

  /** A grain's word. The one method that needs no lock. */
  tag(grain: number): number {
    return grain < GRAIN_COUNT ? this.#agent.ops.load(this.#words, this.#map + grain) : 0
  }

  /** The grain behind the run that begins at `grain`. */
  next(grain: number): number {
    return grain + lengthOf(this.tag(grain))
  }

  /**
   * Lists in the log what makes a run of `grains` grains in use; one of a chunk or less crosses no chunk border.
   * @param small the size class, for a single grain of small blocks.
   * @returns the first grain, or -1 (and nothing listed) if no free run is long enough.
   */
  take(grains: number, small = -1): number {
    const { ops } = this.#agent
    const { end } = this
    let lowest = -1
    for (let grain = this.#lowest(); grain < end; grain = this.next(grain)) {
      const tag = this.#words[this.#map + grain]!
      if (kindOf(tag) !== FREE) continue
      if (lowest < 0) {
        lowest = grain
        ops.store(this.#words, this.#lists + LOWEST, grain)
      }
      const behind = grain + lengthOf(tag)
      const start = fit(grain, behind, grains)
      if (start < 0) continue
      this.#clear(grain)
      this.#clear(behind - 1)
      if (start > grain) this.#mark(grain, start, FREE)
      this.#mark(start, start + grains, small < 0 ? RUN : SMALL, small)
      if (start + grains < behind) this.#mark(start + grains, behind, FREE)
      const resident = this.#words[this.#lists + RESIDENT]!
      if (resident > 0) ops.store(this.#words, this.#lists + RESIDENT, Math.max(0, resident - grains))
      return start
    }
    if (lowest < 0) ops.store(this.#words, this.#lists + LOWEST, end)
    return -1
  }

  /** Notes, before the commit, that a taken run will be written to. Returns how many grains at its front are not known to be zero. */
  touch(grain: number, grains: number): number {
    const touched = this.#words[this.#lists + TOUCHED] || CHUNK_GRAINS
    if (grain + grains > touched) this.#agent.ops.store(this.#words, this.#lists + TOUCHED, grain + grains)
    return Math.min(grains, Math.max(0, touched - grain))
  }

  /** Lists in the log what makes the run at `grain` free, merged with its free neighbours. Returns the grain behind those. */
  give(grain: number): number {
    const length = lengthOf(this.tag(grain))
    const resident = this.#words[this.#lists + RESIDENT]!
    this.#agent.ops.store(this.#words, this.#lists + RESIDENT, resident + length)
    return this.#free(grain, grain + length)
  }

  /**
   * Makes the arena long enough for a run of `grains`, in a transaction of its own.
   * @throws ERR_MULTIPROC_NO_MEMORY
   */
  grow(grains: number): void {
    const { end } = this
    const last = this.#words[this.#map + end - 1]!
    // A run longer than a chunk may begin in what is free at the end; others would cross a border there.
    const usable = grains > CHUNK_GRAINS && kindOf(last) === FREE ? lengthOf(last) : 0
    const newEnd = end + Math.ceil((grains - usable) / CHUNK_GRAINS) * CHUNK_GRAINS
    if (newEnd > GRAIN_COUNT) {
      throw new MultiprocError(
        'ERR_MULTIPROC_NO_MEMORY',
        `shared memory used up: ${grains * GRAIN_BYTES} bytes were asked for, ${end * GRAIN_BYTES} of at most ${GRAIN_COUNT * GRAIN_BYTES} are in use. Close handles that are not needed, or take messages that wait.`,
        { details: { askedBytes: grains * GRAIN_BYTES, sizeBytes: end * GRAIN_BYTES, limitBytes: GRAIN_COUNT * GRAIN_BYTES } },
      )
    }
    this.#memory.ensureSize(newEnd * GRAIN_BYTES)
    this.#log.begin()
    this.#log.set(ALLOCATOR_LISTS_OFFSET + END * 4, newEnd)
    this.#free(end, newEnd)
    this.#log.commit()
  }

  /** Gives pages of free grains back to the system once many are idle. After a commit. */
  trim(): void {
    if (this.#words[this.#lists + RESIDENT]! <= RESIDENT_LIMIT) return
    const { end } = this
    for (let grain = this.#lowest(); grain < end; grain = this.next(grain)) {
      const tag = this.#words[this.#map + grain]!
      if (kindOf(tag) === FREE) this.#memory.punch(grain * GRAIN_BYTES, lengthOf(tag) * GRAIN_BYTES)
    }
    this.#agent.ops.store(this.#words, this.#lists + RESIDENT, 0)
  }

  #lowest(): number {
    return this.#words[this.#lists + LOWEST] || CHUNK_GRAINS
  }

  #free(start: number, behind: number): number {
    let from = start
    let to = behind
    const before = this.#words[this.#map + start - 1]!
    if (kindOf(before) === FREE) {
      from -= lengthOf(before)
      this.#clear(start - 1)
    }
    const after = behind < this.end ? this.#words[this.#map + behind]! : 0
    if (kindOf(after) === FREE) {
      to += lengthOf(after)
      this.#clear(behind)
    }
    this.#clear(start)
    this.#clear(behind - 1)
    this.#mark(from, to, FREE)
    // Before the commit: too low is only slow, too high would lose the run.
    if (from < this.#lowest()) this.#agent.ops.store(this.#words, this.#lists + LOWEST, from)
    return to
  }

  #clear(grain: number): void {
    this.#log.set(mapOffset(grain), 0)
  }

  #mark(start: number, behind: number, kind: number, small = 0): void {
    const tag = (kind << KIND_SHIFT) | (kind === SMALL ? small : behind - start)
    if (behind - start > 1) this.#log.set(mapOffset(behind - 1), tag | LAST)
    this.#log.set(mapOffset(start), tag)
  }
}

/** Where in the free grains [from, behind) a run of `grains` can begin; -1 if nowhere. */
function fit(from: number, behind: number, grains: number): number {
  const crosses = grains <= CHUNK_GRAINS && (from % CHUNK_GRAINS) + grains > CHUNK_GRAINS
  const start = crosses ? Math.ceil(from / CHUNK_GRAINS) * CHUNK_GRAINS : from
  return start + grains <= behind ? start : -1
}
