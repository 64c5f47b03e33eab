import { describe, expect, it } from 'vitest'
import { atomics } from '../../../src/arena/atomics.ts'
import { CHUNK_BYTES, GRAIN_BYTES } from '../../../src/arena/layout.ts'
import { sizeClasses } from '../../../src/arena/size-classes.ts'
import { Holders, HOLDERS_BYTES } from '../../../src/handles/holders.ts'
import { audit } from '../../arena-audit.ts'
import { SimulatedFamily } from '../../simulated-family.ts'

const OWNED = { owner: 1 }

function setUp(maxChunks?: number) {
  const family = new SimulatedFamily(maxChunks)
  const holders = (offset: number, id = 1): Holders => {
    const { words, base } = family.memory.region(offset)
    return new Holders(family.agent(id), words, (offset - base) >> 2)
  }
  return { family, memory: family.memory, arena: family.allocator(1), holders }
}

describe('alloc and free', () => {
  it('gives payloads at multiples of 64, zeroed, that do not overlap', () => {
    const { arena, memory } = setUp()
    // Twice, so that the second time all memory was used before.
    const sizes = [0, 1, 64, 65, 2048, 2049, 32_640, 32_641, GRAIN_BYTES, 1_000_000, CHUNK_BYTES - 64]
    for (let round = 0; round < 2; round++) {
      const handles = sizes.map(size => arena.alloc(size, OWNED))
      const { blocks } = audit(memory)
      expect(blocks.size).toBe(sizes.length)
      handles.forEach(({ offset }, i) => {
        const { bytes, base } = memory.region(offset)
        expect(offset % 64).toBe(0)
        expect(blocks.get(offset)!.bytes).toBeGreaterThanOrEqual(sizes[i]!)
        expect(bytes.subarray(offset - base, offset - base + sizes[i]!).every(byte => byte === 0)).toBe(true)
        bytes.fill(255, offset - base, offset - base + sizes[i]!)
      })
      for (const handle of handles) arena.free(handle)
      expect(audit(memory).blocks.size).toBe(0)
    }
  })

  it('leaves old contents in a block that is asked for unzeroed', () => {
    const { arena, memory } = setUp()
    const first = arena.alloc(64, OWNED)
    memory.region(first.offset).bytes[first.offset % CHUNK_BYTES] = 7
    arena.free(first)
    const second = arena.alloc(64, OWNED, { zeroed: false })
    expect(second.offset).toBe(first.offset)
    expect(memory.region(second.offset).bytes[second.offset % CHUNK_BYTES]).toBe(7)
  })

  it('tells a handle kept too long from the block now in its place, and frees nothing for it', () => {
    const { arena, memory } = setUp()
    const first = arena.alloc(100, OWNED)
    arena.free(first)
    const second = arena.alloc(100, OWNED)
    expect(second.offset).toBe(first.offset)
    expect([arena.isLive(first), arena.isLive(second)]).toEqual([false, true])
    arena.free(first)
    expect(arena.isLive(second)).toBe(true)
    arena.free(second)
    arena.free(second)
    expect(audit(memory).blocks.size).toBe(0)
  })

  it('does not take the bytes of a user for a header', () => {
    const { arena, memory } = setUp()
    const small = arena.alloc(64, OWNED)
    const second = arena.alloc(64, OWNED)
    arena.free(small)
    arena.free(second)
    arena.sweep() // gives the empty grain back
    const large = arena.alloc(GRAIN_BYTES * 2, OWNED)
    const { words, base } = memory.region(large.offset)
    words[(second.offset - 64 - base) >> 2] = second.generation
    expect(arena.isLive(second)).toBe(false)
    arena.free(second)
    expect(arena.isLive(large)).toBe(true)
  })

  it('does not take what an earlier use left behind in a newly cut grain for a header', () => {
    const { arena, memory } = setUp()
    const run = arena.alloc(GRAIN_BYTES - 64, OWNED)
    const { words, base } = memory.region(run.offset)
    const place = run.offset - 64 + 64 + 5 * sizeClasses[0]!.bytes
    words[(place - base) >> 2] = 77
    arena.free(run)
    expect(arena.alloc(64, OWNED).offset).toBe(run.offset + 64)
    expect(arena.isLive({ offset: place + 64, generation: 77 })).toBe(false)
  })

  it('looks again when a grain was cut anew while isLive() looked', () => {
    const { arena, family, memory } = setUp()
    const [first, second] = [arena.alloc(64, OWNED), arena.alloc(64, OWNED)]
    const { words, base } = memory.region(second.offset)
    const header = (second.offset - 64 - base) >> 2
    const slow = family.allocator(2, {
      ...atomics,
      load: (from, index) => {
        if (from === words && index === header) {
          for (const handle of [first, second]) arena.free(handle)
          arena.sweep()
          const run = arena.alloc(GRAIN_BYTES - 64, OWNED)
          expect(run.offset).toBeLessThan(second.offset)
          words[header] = second.generation // the bytes of a user
        }
        return atomics.load(from, index)
      },
    })
    expect(slow.isLive(second)).toBe(false)
  })

  it('cuts a grain into all the blocks of its class before it takes another', () => {
    const { arena, memory } = setUp()
    const { bytes, blocksPerGrain } = sizeClasses[4]!
    const handles = Array.from({ length: blocksPerGrain }, () => arena.alloc(bytes - 64, OWNED))
    expect(audit(memory)).toMatchObject({ freeGrains: 63 })
    handles.push(arena.alloc(bytes - 64, OWNED))
    expect(audit(memory)).toMatchObject({ freeGrains: 62 })
    for (const handle of handles) arena.free(handle)
    expect(audit(memory)).toMatchObject({ freeGrains: 63 })
  })

  it('merges freed runs with both neighbours, and keeps blocks of a chunk or less inside one chunk', () => {
    const { arena, memory } = setUp()
    const runs = [20, 20, 20, 30].map(grains => arena.alloc(grains * GRAIN_BYTES - 64, OWNED))
    expect(runs[3]!.offset).toBe(2 * CHUNK_BYTES + 64)
    expect(audit(memory)).toMatchObject({ freeRuns: 2, freeGrains: 38 })
    arena.free(runs[0]!)
    arena.free(runs[2]!)
    expect(audit(memory)).toMatchObject({ freeRuns: 3 })
    arena.free(runs[1]!)
    arena.free(runs[3]!)
    expect(audit(memory)).toMatchObject({ freeRuns: 1, freeGrains: 128 })
  })

  it('gives extents larger than a chunk, beginning in what is free at the end', () => {
    const { arena, memory } = setUp()
    arena.alloc(GRAIN_BYTES, OWNED)
    const extent = arena.alloc(2 * CHUNK_BYTES, OWNED)
    expect(extent.offset).toBe(CHUNK_BYTES + 2 * GRAIN_BYTES + 64)
    expect(memory.chunks).toBe(4)
    arena.free(extent)
    expect(audit(memory)).toMatchObject({ freeRuns: 1 })
  })

  it('zeroes extents that were used before', () => {
    const { arena, memory } = setUp()
    const size = CHUNK_BYTES + 100
    const first = arena.alloc(size, OWNED)
    memory.region(first.offset).bytes.fill(255, 64)
    arena.free(first)
    const second = arena.alloc(size, OWNED)
    expect(second.offset).toBe(first.offset)
    expect(memory.region(second.offset).bytes.subarray(64).every(byte => byte === 0)).toBe(true)
  })

  it('gives pages back once more than 64 MiB lie idle', () => {
    const { arena, memory } = setUp(20)
    const runs = Array.from({ length: 17 }, () => arena.alloc(CHUNK_BYTES - 64, OWNED, { zeroed: false }))
    for (const run of runs.slice(0, 16)) arena.free(run)
    expect(memory.punched).toEqual([])
    arena.free(runs[16]!)
    expect(memory.punched).toEqual([{ offset: CHUNK_BYTES, length: 17 * CHUNK_BYTES }])
  })

  it('sweeps before it refuses, then refuses with a code and nothing changed', () => {
    const { arena, family, memory } = setUp(3)
    arena.alloc(CHUNK_BYTES - 64, { owner: 2 })
    const mine = arena.alloc(CHUNK_BYTES - 64, OWNED)
    expect(() => arena.alloc(64, OWNED)).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_NO_MEMORY' }))
    expect(() => arena.alloc(2 ** 35, OWNED)).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_NO_MEMORY' }))
    expect(audit(memory).blocks.size).toBe(2)
    family.dead.add(2)
    arena.alloc(64, OWNED)
    expect(arena.isLive(mine)).toBe(true)
    expect(audit(memory).blocks.size).toBe(2)
  })
})

it('refuses sizes that are none, or too small for the Holders tables', () => {
  const { arena, memory } = setUp()
  for (const size of [-1, NaN]) expect(() => arena.alloc(size, OWNED)).toThrow(RangeError)
  expect(() => arena.alloc(HOLDERS_BYTES, { held: 2 })).toThrow('at least 4096')
  expect(audit(memory).blocks.size).toBe(0)
})

describe('sweep', () => {
  it('frees what dead threads own, and nothing of the living', () => {
    const { arena, family, memory } = setUp()
    const mine = [64, GRAIN_BYTES].map(size => arena.alloc(size, OWNED))
    const theirs = [64, GRAIN_BYTES, 3 * CHUNK_BYTES].map(size => arena.alloc(size, { owner: 2 }))
    expect(arena.sweep()).toBe(0)
    family.dead.add(2)
    expect(arena.sweep()).toBe(3)
    expect(arena.sweep()).toBe(0)
    expect(mine.every(handle => arena.isLive(handle))).toBe(true)
    expect(theirs.some(handle => arena.isLive(handle))).toBe(false)
    expect(audit(memory).blocks.size).toBe(2)
  })

  it('frees children with their parents, whatever lies first', () => {
    const { arena } = setUp()
    const parent = arena.alloc(GRAIN_BYTES, OWNED)
    const child = arena.alloc(64, OWNED)
    const grandchild = arena.alloc(64, { parent: child })
    arena.adopt(child, { parent })
    expect(arena.sweep()).toBe(0)
    arena.free(parent)
    expect(arena.sweep()).toBe(2)
    expect([child, grandchild].some(handle => arena.isLive(handle))).toBe(false)
  })

  it('does not take a new block in the place of a parent for the parent', () => {
    const { arena } = setUp()
    const parent = arena.alloc(64, OWNED)
    const child = arena.alloc(1000, { parent })
    arena.free(parent)
    expect(arena.alloc(64, OWNED).offset).toBe(parent.offset)
    expect(arena.sweep()).toBe(1)
    expect(arena.isLive(child)).toBe(false)
  })

  it('frees a held block when no entry of any of its tables lives', () => {
    const { arena, family, holders } = setUp()
    const pipe = arena.alloc(2 * HOLDERS_BYTES + 100, { held: 2 })
    holders(pipe.offset + HOLDERS_BYTES, 2).join()
    holders(pipe.offset).leave()
    holders(pipe.offset + HOLDERS_BYTES).leave()
    expect(arena.reclaim(pipe)).toBe(false)
    family.dead.add(2)
    expect(arena.sweep()).toBe(1)
  })

  it('spares a held block between its creation and the first call of its creator', () => {
    const { family, arena } = setUp()
    const used = arena.alloc(4000, OWNED)
    family.memory.region(used.offset).bytes.fill(255, used.offset % CHUNK_BYTES, (used.offset % CHUNK_BYTES) + 4000)
    arena.free(used)
    const held = arena.alloc(4000, { held: true }, { zeroed: false })
    expect(held.offset).toBe(used.offset)
    expect(family.allocator(2).sweep()).toBe(0)
    family.dead.add(1)
    expect(family.allocator(2).sweep()).toBe(1)
  })

  it('gives the last, empty grain of a class back too', () => {
    const { arena, memory } = setUp()
    arena.free(arena.alloc(64, OWNED))
    expect(audit(memory)).toMatchObject({ freeGrains: 63 })
    arena.sweep()
    expect(audit(memory)).toMatchObject({ freeGrains: 64, freeRuns: 1 })
  })
})

describe('adopt, reclaim, attach', () => {
  it('moves a block from thread to thread, to a parent, to another parent, and back', () => {
    const { arena, family } = setUp()
    const [first, second] = [arena.alloc(64, OWNED), arena.alloc(64, OWNED)]
    const block = arena.alloc(64, { owner: 2 })
    const steps = [{ owner: 1 }, { parent: first }, { parent: second }, { owner: 1 }]
    family.dead.add(3)
    for (const keeper of steps) {
      family.allocator(2).adopt(block, keeper)
      expect(arena.sweep()).toBe(0)
    }
    arena.adopt(block, { parent: first })
    arena.free(second)
    expect(arena.reclaim(block)).toBe(false)
    arena.free(first)
    expect(arena.reclaim(block)).toBe(true)
    expect(arena.reclaim(block)).toBe(false)
  })

  it('attaches to what others hold, and not to what is gone', () => {
    const { arena, family, holders } = setUp()
    const held = arena.alloc(HOLDERS_BYTES, { held: true })
    const other = family.allocator(2)
    expect(other.attach(held, holders(held.offset, 2))).toBe(true)
    holders(held.offset, 2).leave()
    family.dead.add(1)
    expect(other.attach(held, holders(held.offset, 2))).toBe(false)
    expect(holders(held.offset, 2).anyLive()).toBe(false)
    expect(other.sweep()).toBe(1)
    expect(other.attach(held, holders(held.offset, 2))).toBe(false)
  })
})
