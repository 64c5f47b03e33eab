import {
  ALLOCATOR_LISTS_OFFSET,
  ALLOCATOR_LOG_OFFSET,
  CHUNK_BYTES,
  GRAIN_BYTES,
  GRAIN_MAP_OFFSET,
} from '../src/arena/layout.ts'
import { sizeClasses } from '../src/arena/size-classes.ts'
import type { ArenaMemory } from '../src/contracts/arena-memory.ts'

export interface Audit {
  /** Every block in use: payload offset -> {generation, payload bytes}. */
  readonly blocks: ReadonlyMap<number, { generation: number; bytes: number }>
  readonly freeGrains: number
  readonly grains: number
  /** Number of maximal free runs. */
  readonly freeRuns: number
}

const CHUNK_GRAINS = CHUNK_BYTES / GRAIN_BYTES
const [FREE, RUN, SMALL] = [1, 2, 3]
const LAST = 1 << 27

/**
 * Reads the allocator's tables as its layout comments describe them (not with its code) and throws at the first thing that
 * does not fit: runs that do not follow each other, wrong or left-over tags, neighbouring free runs, a lost or doubled
 * block, a broken list, an unfinished transaction.
 */
export function audit(memory: ArenaMemory): Audit {
  const chunk0 = memory.region(0).words
  const list = (index: number): number => chunk0[(ALLOCATOR_LISTS_OFFSET >> 2) + index]!
  const tag = (grain: number): number => chunk0[(GRAIN_MAP_OFFSET >> 2) + grain]!
  const word = (offset: number): number => {
    const { words, base } = memory.region(offset)
    return words[(offset - base) >> 2]!
  }
  const blocks = new Map<number, { generation: number; bytes: number }>()
  const partial = new Map<number, Set<number>>()
  const end = list(1) || CHUNK_GRAINS
  let freeGrains = 0
  let freeRuns = 0
  let firstFree = end
  check(chunk0[ALLOCATOR_LOG_OFFSET >> 2] === 0, 'the redo log is empty')

  for (let grain = CHUNK_GRAINS, before = 0; grain < end; ) {
    const first = tag(grain)
    const kind = first >>> 28
    check(kind !== 0 && (first & LAST) === 0, `a run begins at grain ${grain}`)
    const length = kind === SMALL ? 1 : first & 0x3ffff
    check(length > 0 && grain + length <= end, `the run at grain ${grain} ends inside the arena`)
    if (length > 1) check(tag(grain + length - 1) === (first | LAST), `the run at grain ${grain} has its tag at its end`)
    for (let inner = grain + 1; inner < grain + length - 1; inner++) check(tag(inner) === 0, `no tag inside the run, at grain ${inner}`)
    if (kind === FREE) {
      check(before !== FREE, `the free runs before and at grain ${grain} are merged`)
      firstFree = Math.min(firstFree, grain)
      freeGrains += length
      freeRuns++
    } else if (kind === RUN) {
      check(length > CHUNK_GRAINS || (grain % CHUNK_GRAINS) + length <= CHUNK_GRAINS, `the run at grain ${grain} crosses no chunk border`)
      const generation = word(grain * GRAIN_BYTES)
      check(generation > 0, `the block at grain ${grain} has a generation`)
      blocks.set(grain * GRAIN_BYTES + 64, { generation, bytes: length * GRAIN_BYTES - 64 })
    } else {
      readGrain(grain, first & 0x3ffff)
    }
    before = kind
    grain += length
  }
  check(tag(end) === 0, 'no tag behind the end')
  check((list(2) || CHUNK_GRAINS) <= firstFree, `LOWEST ${list(2)} is not above the first free grain ${firstFree}`)

  for (let index = 0; index < sizeClasses.length; index++) {
    const expected = partial.get(index) ?? new Set()
    let prev = 0
    for (let grain = list(16 + index); grain !== 0; grain = word(grain * GRAIN_BYTES + 8)) {
      check(expected.delete(grain), `grain ${grain} stands once in the list of its class ${index}`)
      check(word(grain * GRAIN_BYTES + 4) === prev, `PREV of grain ${grain}`)
      prev = grain
    }
    check(expected.size === 0, `grains ${[...expected].join()} with free blocks are in the list of class ${index}`)
  }
  return { blocks, freeGrains, freeRuns, grains: end - CHUNK_GRAINS }

  function readGrain(grain: number, classIndex: number): void {
    const { bytes, blocksPerGrain } = sizeClasses[classIndex]!
    const state = word(grain * GRAIN_BYTES)
    const used = state & 0x3ff
    const begun = (state >>> 10) & 0x3ff
    const at = (index: number): number => grain * GRAIN_BYTES + 64 + index * bytes
    check(begun <= blocksPerGrain, `begun blocks of grain ${grain}`)
    const free = new Set<number>()
    for (let link = state >>> 20; link !== 0; link = -word(at(link - 1))) {
      check(link > 0 && link <= begun && !free.has(link - 1), `the free list of grain ${grain} holds each block once`)
      free.add(link - 1)
    }
    for (let index = 0; index < begun; index++) {
      const generation = word(at(index))
      check(generation > 0 === !free.has(index), `block ${index} of grain ${grain} is either free or in use`)
      if (generation > 0) blocks.set(at(index) + 64, { generation, bytes: bytes - 64 })
    }
    check(begun - free.size === used, `grain ${grain} counts its ${begun - free.size} used blocks, not ${used}`)
    if (used < blocksPerGrain) {
      if (!partial.has(classIndex)) partial.set(classIndex, new Set())
      partial.get(classIndex)!.add(grain)
    }
  }
}

function check(fact: boolean, sentence: string): void {
  if (!fact) throw new Error(`arena audit: not true that ${sentence}`)
}
