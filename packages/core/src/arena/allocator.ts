import type { Agent } from '../contracts/agent.ts'
import type { ArenaMemory, Region } from '../contracts/arena-memory.ts'
import { Holders, HOLDERS_BYTES } from '../handles/holders.ts'
import { adoptBlock, GENERATION, type Handle, HEADER_BYTES, headerIndex, heldTables, isGarbage, type Keeper, writeHeader } from './block.ts'
import { classOf, FREE, GrainMap, isFirst, kindOf, RUN, SMALL } from './grain-map.ts'
import { ALLOCATOR_LISTS_OFFSET, ALLOCATOR_LOG_BYTES, ALLOCATOR_LOG_OFFSET, CHUNK_BYTES, GRAIN_BYTES } from './layout.ts'
import { RedoLog } from './redo-log.ts'
import { MAX_SMALL_BYTES, sizeClasses, sizeClassFor } from './size-classes.ts'

/**
 * Hands out blocks of the arena, under one death-proof lock. Small blocks lie in grains cut into one size, larger ones in
 * runs of grains (grain-map.ts). Who keeps a block stands in its header (block.ts); garbage of the dead is found by a
 * sweep before the arena grows, or when asked.
 *
 * Layout v1, allocator lists (int32 words)                                        | writer                 | reader
 *   0      GENERATIONS  the last generation given away                            | lock                   | lock
 *   1–3, 5 of grain-map.ts
 *   4      SWEPT        END when the last sweep before a growth was made          | lock                   | lock
 *   16–    HEADS        by size class: a grain with a free block, or 0            | lock, by log           | lock
 * Head of a grain of small blocks (int32 words; blocks follow at byte 64)
 *   0      STATE        used {0–9} | begun {10–19} | first free + 1 {20–29}       | lock, by log           | lock, isLive()
 *   1, 2   PREV, NEXT   grains of this class with a free block; 0: none           | lock, by log           | lock
 * Blocks from `begun` on were never used since the grain was cut, and what stands in their place means nothing.
 *
 * Block   GENERATION  set by                            legal next
 *   FREE  ≤ 0         free(), reclaim(), sweep()        USED
 *   USED  > 0         alloc()                           FREE, once: a handle's second free() meets another generation
 *
 * Death between                               leaves                              who repairs, how
 *   any two steps of one transaction          all or nothing of it                next holder of the lock: log.recover()
 *   header, payload written and commit        a free block with new contents      nobody: it is free
 *   GENERATIONS + 1 and commit                a number nobody uses                nobody
 *   commit and return of alloc()              a block of a dead thread            sweep, by its keeper
 *   two frees of a sweep                      the rest of the garbage             next sweep
 *   last free of a grain and its give()       –                                   one transaction
 *
 * Sweep against those who attach. A sweep frees under the lock what has no keeper; others attach without the lock:
 * - A creator stands in the Holders tables of its new block before the commit that lets a sweep see it.
 * - A receiver joins while the flight it takes still counts, so no table is empty in between; that a scan cannot miss the
 *   change is argued in holders.ts. A flight whose sender died before its commit counts only from adoptFlight() on, which
 *   competes with the scan by CAS. A receiver that lost (or has no flight) uses attach(), under the lock.
 * - adopt() is for blocks that are kept during the call; a sweep reads its two words consistently (block.ts).
 */
const GENERATIONS = 0
const SWEPT = 4
const HEADS = 16

const G_STATE = 0
const G_PREV = 1
const G_NEXT = 2
const FIELD_MASK = 0x3ff
const BEGUN_SHIFT = 10
const FREE_SHIFT = 20

const MAX_GENERATION = 0x7fff_ffff

/** The lock the allocator runs under: `Mutex`, or a simulated one. A dead owner's is acquired as if it were free. */
export interface AllocatorLock {
  acquireSync(deadlineMs: number): boolean
  release(): void
}

export interface AllocOptions {
  /** True by default: the payload is zero. False leaves it to the caller, who writes all of it before anybody reads. */
  readonly zeroed?: boolean
}

export class Allocator {
  readonly #agent: Agent
  readonly #memory: ArenaMemory
  readonly #lock: AllocatorLock
  readonly #log: RedoLog
  readonly #grains: GrainMap
  readonly #words: Int32Array
  readonly #lists = ALLOCATOR_LISTS_OFFSET >> 2
  readonly #isLive = (handle: Handle): boolean => this.isLive(handle)

  /** The tables lie at their fixed places in chunk 0 (layout.ts) and need no set-up: zero is an arena with nothing in it. */
  constructor(agent: Agent, memory: ArenaMemory, lock: AllocatorLock) {
    this.#agent = agent
    this.#memory = memory
    this.#lock = lock
    this.#words = memory.region(0).words
    this.#log = new RedoLog(agent, this.#words, ALLOCATOR_LOG_OFFSET >> 2, ALLOCATOR_LOG_BYTES, memory)
    this.#grains = new GrainMap(agent, memory, this.#log)
  }

  /**
   * A new block of at least `bytes`. With `held`, this thread stands in each of its Holders tables, which are part of
   * `bytes`. Up to CHUNK_BYTES - 64 the payload lies in one region; more is for `readAt` and `writeAt`.
   * @throws ERR_MULTIPROC_NO_MEMORY, with nothing changed.
   */
  alloc(bytes: number, keeper: Keeper, { zeroed = true }: AllocOptions = {}): Handle {
    const least = heldTables(keeper) * HOLDERS_BYTES
    if (!(bytes >= least)) throw new RangeError(`allocator.alloc(): ${bytes} bytes were asked for, at least ${least} are needed.`)
    const whole = bytes + HEADER_BYTES
    return this.#locked(() => {
      for (;;) {
        const handle = whole <= MAX_SMALL_BYTES ? this.#allocSmall(bytes, keeper, zeroed) : this.#allocRun(bytes, keeper, zeroed)
        if (handle !== undefined) return handle
        this.#makeRoom(whole <= MAX_SMALL_BYTES ? 1 : grainsFor(bytes))
      }
    })
  }

  /** Frees a block at once, whoever keeps it. A handle whose block is gone does nothing. */
  free(handle: Handle): void {
    this.#locked(() => {
      if (!this.isLive(handle)) return
      this.#freeBlock(handle.offset)
      this.#grains.trim()
    })
  }

  /** Frees this block if it has no keeper any more. Returns whether it did: for who has just left as the last holder. */
  reclaim(handle: Handle): boolean {
    return this.#locked(() => {
      if (!this.isLive(handle)) return false
      const region = this.#memory.region(handle.offset)
      if (!isGarbage(this.#agent, region, headerIndex(region, handle.offset), this.#isLive)) return false
      this.#freeBlock(handle.offset)
      this.#grains.trim()
      return true
    })
  }

  /** Joins a table of a held block without a flight. False if the block is gone, or nobody else has this table. */
  attach(handle: Handle, holders: Holders): boolean {
    return this.#locked(() => this.isLive(handle) && holders.tryJoin())
  }

  /** Gives a block to a thread or a parent. Only for blocks that are kept, by this thread or a living parent, until it returns. */
  adopt(handle: Handle, keeper: { owner: number } | { parent: Handle }): void {
    const region = this.#memory.region(handle.offset)
    adoptBlock(this.#agent, region, headerIndex(region, handle.offset), keeper)
  }

  /** Frees everything that has no keeper, children of what it frees included. Returns the number of blocks. */
  sweep(): number {
    return this.#locked(() => {
      const { blocks } = this.#sweep()
      this.#grains.trim()
      return blocks
    })
  }

  /** Whether the block exists. True says nothing about the next moment unless something keeps the block. Lock-free. */
  isLive({ offset, generation }: Handle): boolean {
    if (generation <= 0 || offset % HEADER_BYTES !== 0) return false
    const { ops } = this.#agent
    const start = offset - HEADER_BYTES
    const grain = Math.floor(start / GRAIN_BYTES)
    const tag = this.#grains.tag(grain)
    const inGrain = start - grain * GRAIN_BYTES
    if (!isFirst(tag) || kindOf(tag) === FREE) return false
    const region = this.#memory.region(offset)
    if (kindOf(tag) === RUN) {
      if (inGrain !== 0) return false
    } else {
      // Only where a header stands now; else bytes of a user's payload would be compared.
      const index = (inGrain - HEADER_BYTES) / sizeClasses[classOf(tag)]!.bytes
      const begun = (ops.load(region.words, grainHead(region, grain) + G_STATE) >>> BEGUN_SHIFT) & FIELD_MASK
      if (index < 0 || !Number.isInteger(index) || index >= begun) return false
    }
    if (ops.load(region.words, headerIndex(region, offset) + GENERATION) !== generation) return false
    // The grain may have been freed and cut anew between the loads; then what was compared was not this header.
    return this.#grains.tag(grain) === tag
  }

  #locked<T>(work: () => T): T {
    this.#lock.acquireSync(Infinity)
    try {
      this.#log.recover()
      return work()
    } finally {
      // Also after an exception in the middle of a commit (a full stack): the next holder recovers.
      this.#lock.release()
    }
  }

  #allocSmall(bytes: number, keeper: Keeper, zeroed: boolean): Handle | undefined {
    const log = this.#log
    const classIndex = sizeClassFor(bytes + HEADER_BYTES)
    const sizeClass = sizeClasses[classIndex]!
    log.begin()
    let grain = this.#words[this.#lists + HEADS + classIndex]!
    if (grain === 0) {
      grain = this.#grains.take(1, classIndex)
      if (grain < 0) return undefined
      this.#grains.touch(grain, 1)
      const region = this.#memory.region(grain * GRAIN_BYTES)
      const head = grainHead(region, grain)
      region.words.fill(0, head, head + (HEADER_BYTES >> 2)) // free until the commit, so written in place
      log.set(headOffset(classIndex), grain)
    }
    const region = this.#memory.region(grain * GRAIN_BYTES)
    const head = grainHead(region, grain)
    const state = region.words[head + G_STATE]!
    const used = (state & FIELD_MASK) + 1
    let begun = (state >>> BEGUN_SHIFT) & FIELD_MASK
    let free = state >>> FREE_SHIFT
    const index = free > 0 ? free - 1 : begun
    const offset = grain * GRAIN_BYTES + HEADER_BYTES + index * sizeClass.bytes + HEADER_BYTES
    if (free > 0) free = -region.words[headerIndex(region, offset) + GENERATION]!
    else begun++
    log.set(grain * GRAIN_BYTES + G_STATE * 4, used | (begun << BEGUN_SHIFT) | (free << FREE_SHIFT))
    if (used === sizeClass.blocksPerGrain) {
      const next = region.words[head + G_NEXT]!
      log.set(headOffset(classIndex), next)
      if (next !== 0) log.set(next * GRAIN_BYTES + G_PREV * 4, 0)
    }
    if (zeroed) region.bytes.fill(0, offset - region.base, offset - region.base + bytes)
    return this.#publish(region, offset, bytes, keeper)
  }

  #allocRun(bytes: number, keeper: Keeper, zeroed: boolean): Handle | undefined {
    const grains = grainsFor(bytes)
    this.#log.begin()
    const grain = this.#grains.take(grains)
    if (grain < 0) return undefined
    const start = grain * GRAIN_BYTES
    const usedBytes = this.#grains.touch(grain, grains) * GRAIN_BYTES
    const region = this.#memory.region(start)
    if (zeroed && usedBytes > 0) {
      // A run of a chunk or less lies in one region; its pages are most likely there, and stay.
      if (grains * GRAIN_BYTES <= CHUNK_BYTES) region.bytes.fill(0, start - region.base, start - region.base + usedBytes)
      else this.#memory.punch(start, usedBytes)
    }
    return this.#publish(region, start + HEADER_BYTES, bytes, keeper)
  }

  /** Commits the transaction that takes the block at `offset`; from then on it is seen, with its header and holders. */
  #publish(region: Region, offset: number, bytes: number, keeper: Keeper): Handle {
    const lists = this.#words
    const last = lists[this.#lists + GENERATIONS]!
    const generation = last === MAX_GENERATION ? 1 : last + 1
    lists[this.#lists + GENERATIONS] = generation
    const header = headerIndex(region, offset)
    writeHeader(region, header, keeper, bytes)
    const tables = heldTables(keeper)
    if (tables > 0) {
      const first = header + (HEADER_BYTES >> 2)
      region.words.fill(0, first, first + tables * (HOLDERS_BYTES >> 2))
      for (let table = 0; table < tables; table++) new Holders(this.#agent, region.words, first + table * (HOLDERS_BYTES >> 2)).join()
    }
    this.#log.set(offset - HEADER_BYTES + GENERATION * 4, generation)
    this.#log.commit()
    return { offset, generation }
  }

  /** Frees the live block at `offset` in one transaction. Returns the grain behind it if its grain or run was given back, else 0. */
  #freeBlock(offset: number): number {
    const log = this.#log
    const grain = Math.floor((offset - HEADER_BYTES) / GRAIN_BYTES)
    const tag = this.#grains.tag(grain)
    log.begin()
    if (kindOf(tag) === RUN) {
      log.set(offset - HEADER_BYTES + GENERATION * 4, 0)
      const behind = this.#grains.give(grain)
      log.commit()
      return behind
    }
    const classIndex = classOf(tag)
    const { bytes, blocksPerGrain } = sizeClasses[classIndex]!
    const region = this.#memory.region(offset)
    const state = region.words[grainHead(region, grain) + G_STATE]!
    const used = (state & FIELD_MASK) - 1
    const begun = (state >>> BEGUN_SHIFT) & FIELD_MASK
    const index = (offset - HEADER_BYTES - grain * GRAIN_BYTES - HEADER_BYTES) / bytes
    log.set(offset - HEADER_BYTES + GENERATION * 4, -(state >>> FREE_SHIFT))
    log.set(grain * GRAIN_BYTES + G_STATE * 4, used | (begun << BEGUN_SHIFT) | ((index + 1) << FREE_SHIFT))
    let behind = 0
    if (used + 1 === blocksPerGrain) this.#link(classIndex, grain)
    // The last one of a class stays, or every single alloc and free would cut a grain.
    else if (used === 0 && !this.#isOnly(classIndex, grain)) behind = this.#giveGrain(classIndex, grain)
    log.commit()
    return behind
  }

  #link(classIndex: number, grain: number): void {
    const log = this.#log
    const next = this.#words[this.#lists + HEADS + classIndex]!
    log.set(grain * GRAIN_BYTES + G_PREV * 4, 0)
    log.set(grain * GRAIN_BYTES + G_NEXT * 4, next)
    if (next !== 0) log.set(next * GRAIN_BYTES + G_PREV * 4, grain)
    log.set(headOffset(classIndex), grain)
  }

  #isOnly(classIndex: number, grain: number): boolean {
    const region = this.#memory.region(grain * GRAIN_BYTES)
    return this.#words[this.#lists + HEADS + classIndex] === grain && region.words[grainHead(region, grain) + G_NEXT] === 0
  }

  /** Lists what gives an empty grain back. */
  #giveGrain(classIndex: number, grain: number): number {
    const log = this.#log
    const region = this.#memory.region(grain * GRAIN_BYTES)
    const prev = region.words[grainHead(region, grain) + G_PREV]!
    const next = region.words[grainHead(region, grain) + G_NEXT]!
    log.set(prev === 0 ? headOffset(classIndex) : prev * GRAIN_BYTES + G_NEXT * 4, next)
    if (next !== 0) log.set(next * GRAIN_BYTES + G_PREV * 4, prev)
    return this.#grains.give(grain)
  }

  /** Sweeps or grows, so that a run of `grains` may fit now. Throws if neither helps. */
  #makeRoom(grains: number): void {
    const { end } = this.#grains
    const swept = this.#words[this.#lists + SWEPT]!
    // A sweep looks at every block: one for each quarter that the arena grows keeps its share of an alloc() constant.
    if (end >= swept * 1.25) {
      this.#agent.ops.store(this.#words, this.#lists + SWEPT, end)
      if (this.#sweep().freed) return
    }
    try {
      this.#grains.grow(grains)
    } catch (error) {
      if (!this.#sweep().freed) throw error
    }
  }

  #sweep(): { blocks: number; freed: boolean } {
    let blocks = 0
    let freed = false
    // A freed parent makes garbage of its children, which may lie in front of it: until a pass finds nothing.
    for (let before = -1; before !== blocks; ) {
      before = blocks
      for (let grain = this.#grains.first; grain < this.#grains.end; ) {
        const kind = kindOf(this.#grains.tag(grain))
        let behind = 0
        if (kind === RUN && this.#isGarbage(grain * GRAIN_BYTES + HEADER_BYTES)) {
          behind = this.#freeBlock(grain * GRAIN_BYTES + HEADER_BYTES)
          blocks++
        } else if (kind === SMALL) {
          ;({ blocks, behind } = this.#sweepGrain(grain, blocks))
        }
        if (behind > 0) freed = true
        grain = behind > 0 ? behind : this.#grains.next(grain)
      }
    }
    return { blocks, freed: freed || blocks > 0 }
  }

  #sweepGrain(grain: number, blocks: number): { blocks: number; behind: number } {
    const classIndex = classOf(this.#grains.tag(grain))
    const { bytes } = sizeClasses[classIndex]!
    const region = this.#memory.region(grain * GRAIN_BYTES)
    const head = grainHead(region, grain)
    const begun = (region.words[head + G_STATE]! >>> BEGUN_SHIFT) & FIELD_MASK
    for (let index = 0; index < begun; index++) {
      const offset = grain * GRAIN_BYTES + HEADER_BYTES + index * bytes + HEADER_BYTES
      if (region.words[headerIndex(region, offset) + GENERATION]! <= 0 || !this.#isGarbage(offset)) continue
      const behind = this.#freeBlock(offset)
      blocks++
      if (behind > 0) return { blocks, behind }
    }
    // Empty, kept as the last of its class: now it goes.
    if ((region.words[head + G_STATE]! & FIELD_MASK) !== 0) return { blocks, behind: 0 }
    this.#log.begin()
    const behind = this.#giveGrain(classIndex, grain)
    this.#log.commit()
    return { blocks, behind }
  }

  #isGarbage(offset: number): boolean {
    const region = this.#memory.region(offset)
    return isGarbage(this.#agent, region, headerIndex(region, offset), this.#isLive)
  }
}

function grainsFor(bytes: number): number {
  return Math.ceil((bytes + HEADER_BYTES) / GRAIN_BYTES)
}

function headOffset(classIndex: number): number {
  return ALLOCATOR_LISTS_OFFSET + (HEADS + classIndex) * 4
}

/** The word index, in its region, of the head of a grain of small blocks. */
function grainHead(region: Region, grain: number): number {
  return (grain * GRAIN_BYTES - region.base) >> 2
}
