import { Crash, crashingOps, sweepCrashes } from '@multiproc/testing'
import { describe, expect, it } from 'vitest'
import type { AtomicOps } from '../../src/arena/atomics.ts'
import type { Allocator } from '../../src/arena/allocator.ts'
import type { Handle, Keeper } from '../../src/arena/block.ts'
import { ALLOCATOR_LOG_OFFSET, CHUNK_BYTES, GRAIN_BYTES } from '../../src/arena/layout.ts'
import { RedoLog, redoLogBytes } from '../../src/arena/redo-log.ts'
import { sizeClasses } from '../../src/arena/size-classes.ts'
import { HOLDERS_BYTES } from '../../src/handles/holders.ts'
import { audit } from '../arena-audit.ts'
import { SimulatedFamily } from '../simulated-family.ts'

const [SURVIVOR, VICTIM, GONE] = [1, 2, 3]
const KEPT = { owner: SURVIVOR }
const LOST = { owner: VICTIM }
const [fullBytes, fullCount] = [sizeClasses.at(-1)!.bytes - 64, sizeClasses.at(-1)!.blocksPerGrain]

interface World {
  readonly family: SimulatedFamily
  /** What must be there at the end, whenever the victim died. */
  readonly kept: Handle[]
  /** What the operation is about; may be there or not. */
  readonly other: Handle[]
}

interface Case {
  /** Laid out by the survivor before the operation. */
  readonly before?: (arena: Allocator, world: World) => void
  readonly operation: (arena: Allocator, world: World) => void
  readonly atLeast: number
}

const alloc = (bytes: number, keeper: Keeper = LOST): Case['operation'] => arena => void arena.alloc(bytes, keeper)
const make = (bytes: number, keeper: Keeper, count = 1): Case['before'] => (arena, { kept, other }) => {
  for (let i = 0; i < count; i++) (keeper === KEPT ? kept : other).push(arena.alloc(bytes, keeper))
}
const both = (...steps: Case['before'][]): Case['before'] => (arena, world) => steps.forEach(step => step!(arena, world))
const freeOther: Case['operation'] = (arena, { other }) => arena.free(other[0]!)

const cases: Record<string, Case> = {
  'alloc of the first block of all, which grows the arena and cuts a grain': { operation: alloc(64), atLeast: 20 },
  'alloc of the next block of a grain': { before: make(64, KEPT), operation: alloc(64), atLeast: 6 },
  'alloc of a freed block': {
    before: (arena, world) => (make(64, KEPT, 3)!(arena, world), arena.free(world.kept.splice(1, 1)[0]!)),
    operation: alloc(64),
    atLeast: 6,
  },
  'alloc of the last block of a grain, with another grain behind it in the list': {
    before: (arena, world) => {
      make(fullBytes, KEPT, 2 * fullCount)!(arena, world)
      arena.free(world.kept.splice(0, 1)[0]!)
      arena.free(world.kept.splice(fullCount - 1, 1)[0]!)
    },
    operation: alloc(fullBytes),
    atLeast: 8,
  },
  'alloc of a held block': { before: make(4000, KEPT), operation: alloc(2 * HOLDERS_BYTES, { held: 2 }), atLeast: 10 },
  'alloc of a run': { before: make(64, KEPT), operation: alloc(5 * GRAIN_BYTES), atLeast: 8 },
  'alloc of a run that may not cross the chunk border, in the middle of free space': {
    before: (arena, world) => {
      make(2 * CHUNK_BYTES + GRAIN_BYTES, { owner: SURVIVOR })!(arena, world)
      const [extent] = world.other.splice(0)
      make(GRAIN_BYTES, KEPT)!(arena, world)
      arena.free(extent!)
      make(40 * GRAIN_BYTES, KEPT)!(arena, world)
    },
    operation: alloc(40 * GRAIN_BYTES),
    atLeast: 10,
  },
  'alloc of an extent, which grows the arena by several chunks': { before: make(64, KEPT), operation: alloc(3 * CHUNK_BYTES), atLeast: 15 },
  'free of a block': { before: both(make(64, KEPT, 2), make(64, LOST)), operation: freeOther, atLeast: 6 },
  'free of a block of a full grain': {
    before: both(make(fullBytes, KEPT), make(fullBytes, LOST, fullCount - 1), make(fullBytes, KEPT)),
    operation: freeOther,
    atLeast: 8,
  },
  'free of the last block of a grain, between two others in the list': {
    before: (arena, world) => {
      make(fullBytes, KEPT, 3 * fullCount)!(arena, world)
      const middle = world.kept.splice(fullCount, fullCount)
      arena.free(world.kept.splice(0, 1)[0]!)
      for (const handle of middle.slice(1)) arena.free(handle)
      arena.free(world.kept.splice(world.kept.length - 1, 1)[0]!)
      arena.adopt(middle[0]!, LOST)
      world.other.push(middle[0]!)
    },
    operation: freeOther,
    atLeast: 10,
  },
  'free of a run between two free ones': {
    before: (arena, world) => {
      make(3 * GRAIN_BYTES, KEPT, 5)!(arena, world)
      const [first, middle, last] = world.kept.splice(1, 3)
      arena.free(first!)
      arena.free(last!)
      arena.adopt(middle!, LOST)
      world.other.push(middle!)
    },
    operation: freeOther,
    atLeast: 10,
  },
  'sweep of owned, child and held blocks': {
    before: (arena, world) => {
      make(64, KEPT, 2)!(arena, world)
      make(64, { owner: GONE })!(arena, world)
      make(2 * GRAIN_BYTES, { owner: GONE })!(arena, world)
      make(500, { parent: world.other[1]! })!(arena, world)
      world.other.push(world.family.allocator(GONE).alloc(HOLDERS_BYTES, { held: true }))
      world.family.dead.add(GONE)
    },
    operation: arena => void arena.sweep(),
    atLeast: 40,
  },
  'adopt of a block by a parent': {
    before: both(make(64, KEPT), make(500, LOST)),
    operation: (arena, { kept, other }) => arena.adopt(other[0]!, { parent: kept[0]! }),
    atLeast: 3,
  },
  'adopt of a parent’s block by another parent': {
    before: (arena, world) => {
      make(64, KEPT, 2)!(arena, world)
      make(500, { parent: world.kept[0]! })!(arena, world)
    },
    operation: (arena, { kept, other }) => arena.adopt(other[0]!, { parent: kept[1]! }),
    atLeast: 3,
  },
}

function prepare({ before }: Case): World {
  const family = new SimulatedFamily(10)
  const world = { family, kept: [], other: [] }
  before?.(family.allocator(SURVIVOR), world)
  return world
}

function expectWhole({ family, kept, other }: World): void {
  const { memory } = family
  family.dead.add(VICTIM)
  const arena = family.allocator(SURVIVOR)
  // First a call that takes a block next to what the victim was at, then everything of the dead is given back.
  const next = arena.alloc(64, KEPT)
  const seen = audit(memory).blocks
  for (const { offset, generation } of [...kept, next]) expect(seen.get(offset)?.generation).toBe(generation)
  arena.sweep()
  const left = audit(memory).blocks
  const children = other.filter(handle => arena.isLive(handle))
  expect([...left.keys()].sort()).toEqual([...kept, next, ...children].map(({ offset }) => offset).sort())
  for (const handle of [...kept, next]) arena.free(handle)
  arena.sweep()
  const { blocks, freeGrains, grains, freeRuns } = audit(memory)
  expect({ blocks: blocks.size, freeGrains, freeRuns }).toEqual({ blocks: 0, freeGrains: grains, freeRuns: 1 })
}

describe('a thread that dies at any step leaves nothing lost, doubled or half linked:', () => {
  for (const [title, example] of Object.entries(cases)) {
    it(title, () => {
      const points = sweepCrashes({
        prepare: () => prepare(example),
        act: (world, ops) => example.operation(world.family.allocator(VICTIM, ops as AtomicOps), world),
        survive: expectWhole,
      })
      expect(points).toBeGreaterThanOrEqual(example.atLeast)
    })
  }
})

it('a second death, inside the repair of the first, is repaired as well', () => {
  const example = cases['free of a run between two free ones']!
  const middle = stepsToMiddleOfCommit(example)
  const points = sweepCrashes({
    prepare: () => dieAt(example, middle),
    act: (world, ops) => void world.family.allocator(GONE, ops as AtomicOps).sweep(),
    survive: world => {
      world.family.dead.add(GONE)
      expectWhole(world)
    },
  })
  expect(points).toBeGreaterThan(10)
})

it('a redo log is all or nothing, whichever step its writer dies at', () => {
  const points = sweepCrashes({
    prepare: () => new SimulatedFamily(),
    act: (family, ops) => {
      const log = new RedoLog(family.agent(VICTIM, ops as AtomicOps), family.memory.region(0).words, 0, redoLogBytes(8), family.memory)
      log.begin()
      for (let i = 0; i < 4; i++) log.set(1024 + 4 * i, i + 1)
      log.commit()
    },
    survive: family => {
      const { words } = family.memory.region(0)
      const committed = words[0] !== 0 || words[256] !== 0
      new RedoLog(family.agent(SURVIVOR), words, 0, redoLogBytes(8), family.memory).recover()
      expect([...words.subarray(256, 260)]).toEqual(committed ? [1, 2, 3, 4] : [0, 0, 0, 0])
      expect(words[0]).toBe(0)
    },
  })
  expect(points).toBe(6)
})

function dieAt(example: Case, step: number): World {
  const world = prepare(example)
  expect(() => example.operation(world.family.allocator(VICTIM, crashingOps(step) as AtomicOps), world)).toThrow(Crash)
  world.family.dead.add(VICTIM)
  return world
}

/** The third step after the first COMMIT: some of the words are changed. */
function stepsToMiddleOfCommit(example: Case): number {
  for (let step = 0; ; step++) {
    if (dieAt(example, step).family.memory.region(0).words[ALLOCATOR_LOG_OFFSET >> 2] !== 0) return step + 2
  }
}
