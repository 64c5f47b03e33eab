import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Handle, Keeper } from '../../src/arena/block.ts'
import { CHUNK_BYTES, GRAIN_BYTES } from '../../src/arena/layout.ts'
import { MAX_SMALL_BYTES } from '../../src/arena/size-classes.ts'
import { audit } from '../arena-audit.ts'
import { SimulatedFamily } from '../simulated-family.ts'

type Action =
  | { kind: 'alloc'; bytes: number; thread: number; child: boolean }
  | { kind: 'free' | 'adopt'; pick: number; thread: number }
  | { kind: 'die'; thread: number }
  | { kind: 'sweep' }

const thread = fc.integer({ min: 2, max: 5 })
const bytes = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 4096 }) },
  { weight: 2, arbitrary: fc.integer({ min: 4096, max: MAX_SMALL_BYTES + 64 }) },
  { weight: 3, arbitrary: fc.integer({ min: GRAIN_BYTES / 2, max: GRAIN_BYTES * 20 }) },
  { weight: 1, arbitrary: fc.integer({ min: CHUNK_BYTES / 2, max: CHUNK_BYTES * 2 }) },
)
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('alloc' as const), bytes, thread, child: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('free' as const, 'adopt' as const), pick: fc.nat(), thread }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const), thread }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('sweep' as const) }) },
)

/** What should exist: every block with its keeper and the stamp written over its whole payload. */
interface Model {
  readonly handle: Handle
  readonly bytes: number
  readonly stamp: number
  keeper: { owner: number } | { parent: Handle }
}

it('behaves like a list of blocks: no overlap, nothing lost, garbage found, everything can be given back', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80 }), actions => {
      const family = new SimulatedFamily(200)
      const { memory } = family
      const arena = family.allocator(1)
      const blocks = new Set<Model>()
      let stamp = 0

      const fill = (block: Model): void => {
        forEachPart(block, (part, bytesIn) => bytesIn.fill(block.stamp, part.from, part.to))
      }
      const expectIntact = (block: Model): void => {
        forEachPart(block, (part, bytesIn) => {
          for (const at of [part.from, (part.from + part.to) >> 1, part.to - 1]) if (bytesIn[at] !== block.stamp) throw new Error(`payload at ${at} overwritten`)
        })
      }
      function forEachPart({ handle: { offset }, bytes: length }: Model, visit: (part: { from: number; to: number }, bytesIn: Uint8Array) => void): void {
        for (let at = offset; at < offset + length; ) {
          const { base, bytes: bytesIn } = memory.region(at)
          const to = Math.min(offset + length - base, CHUNK_BYTES)
          visit({ from: at - base, to }, bytesIn)
          at = base + to
        }
      }
      const isKept = ({ keeper }: Model): boolean =>
        'owner' in keeper ? !family.dead.has(keeper.owner) : [...blocks].some(({ handle }) => handle.generation === keeper.parent.generation)
      const dropGarbage = (): number => {
        const before = blocks.size
        for (let size = -1; size !== blocks.size; ) {
          size = blocks.size
          for (const block of blocks) if (!isKept(block)) blocks.delete(block)
        }
        return before - blocks.size
      }

      for (const step of actions) {
        const kept = [...blocks].filter(isKept)
        if (step.kind === 'alloc') {
          const parent = step.child ? kept.at(-1)?.handle : undefined
          const keeper: Keeper = parent === undefined ? { owner: step.thread } : { parent }
          const handle = arena.alloc(step.bytes, keeper)
          const block: Model = { handle, bytes: step.bytes, stamp: (stamp = (stamp % 255) + 1), keeper }
          fill(block)
          blocks.add(block)
          // An alloc may have swept: what is gone must have been garbage.
          for (const other of blocks) if (!arena.isLive(other.handle) && isKept(other)) throw new Error('a kept block is gone')
        } else if (step.kind === 'free' || step.kind === 'adopt') {
          const block = kept[step.pick % Math.max(1, kept.length)]
          if (block === undefined) continue
          if (step.kind === 'free') {
            arena.free(block.handle)
            blocks.delete(block)
          } else {
            block.keeper = { owner: step.thread }
            arena.adopt(block.handle, block.keeper)
          }
        } else if (step.kind === 'die') {
          family.dead.add(step.thread)
        } else {
          arena.sweep()
          dropGarbage()
          expect([...audit(memory).blocks.keys()].sort()).toEqual([...blocks].map(({ handle }) => handle.offset).sort())
        }
        for (const block of blocks) if (isKept(block)) expectIntact(block)
        audit(memory)
      }
      for (const { handle } of blocks) arena.free(handle)
      arena.sweep()
      const { blocks: left, freeRuns, freeGrains, grains } = audit(memory)
      expect([left.size, freeRuns <= 1, freeGrains]).toEqual([0, true, grains])
    }),
    { numRuns: 60 },
  )
})
