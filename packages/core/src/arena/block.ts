import type { Agent } from '../contracts/agent.ts'
import type { Region } from '../contracts/arena-memory.ts'
import { Holders, HOLDERS_BYTES } from '../handles/holders.ts'
import { BLOCK_ALIGN } from './layout.ts'

/**
 * The 64-byte header in front of each payload, and what it says about who keeps the block. Ownership is this one word in
 * the object itself: nobody keeps lists of what he owns, so nothing has to be repaired when he dies; a sweep (allocator.ts)
 * finds what has no keeper left.
 *
 * Layout v1 (int32 words)                                                          | writer             | reader
 *   0     GENERATION         > 0: in use; ≤ 0: free, −GENERATION is the next free  | allocator, by log  | all
 *                            block of the grain, by index + 1
 *   1     KEEPER             kind << 28 | value, see below                         | allocator, adopt()  | sweep
 *   2     PARENT_GENERATION  with kind CHILD: the parent's generation              | allocator, adopt()  | sweep
 *   3     SIZE               bytes asked for, / 64, rounded up                     | allocator          | doctor
 *   4     ADOPTIONS          changes with every adoption by a parent               | adopt()            | sweep
 *   5–15  spare, undefined
 *
 * KEEPER  kind  value                           garbage when                            set by
 *   OWNED   1   thread id                       that thread is dead                     alloc(), adopt()
 *   CHILD   2   payload offset of parent / 64   the parent is freed                     alloc(), adopt()
 *   HELD    3   number of Holders tables at     no entry of any of them lives           alloc()
 *               the payload's head
 *
 * Generations come from one counter of the arena: a number returns after 2^31 − 1 further allocations, so a handle that
 * is kept beyond its block's end is told apart until then, whatever was put in its place.
 *
 * Death between                                  leaves                     who repairs, how
 *   two stores of adopt(), new keeper a parent   OWNED by the dead thread   sweep frees it
 */
export const HEADER_BYTES = 64

export const GENERATION = 0
const KEEPER = 1
const PARENT_GENERATION = 2
const SIZE = 3
const ADOPTIONS = 4

const OWNED = 1
const CHILD = 2
const HELD = 3
const KIND_SHIFT = 28
const VALUE_MASK = (1 << KIND_SHIFT) - 1

/** Names a block for as long as it exists. `offset` is the arena offset of its payload, a multiple of 64. */
export interface Handle {
  readonly offset: number
  readonly generation: number
}

/**
 * Who keeps a block: a thread (until it is dead), another block (until it is freed), or whoever stands in the `held`
 * Holders tables (true: one) at the payload's head, where the creator stands from the start.
 */
export type Keeper = { readonly owner: number } | { readonly parent: Handle } | { readonly held: true | number }

/** The word index, in its region, of the header of the block whose payload is at `offset`. */
export function headerIndex(region: Region, offset: number): number {
  return (offset - HEADER_BYTES - region.base) >> 2
}

export function heldTables(keeper: Keeper): number {
  return 'held' in keeper ? Number(keeper.held) : 0
}

/** Writes the header of a block nobody can see yet, but for GENERATION, which publishes it. */
export function writeHeader(region: Region, header: number, keeper: Keeper, bytes: number): void {
  const { words } = region
  words[header + KEEPER] = keeperWord(keeper)
  words[header + PARENT_GENERATION] = 'parent' in keeper ? keeper.parent.generation : 0
  words[header + SIZE] = Math.ceil(bytes / BLOCK_ALIGN)
}

function keeperWord(keeper: Keeper): number {
  if ('owner' in keeper) return (OWNED << KIND_SHIFT) | keeper.owner
  if ('parent' in keeper) return (CHILD << KIND_SHIFT) | (keeper.parent.offset / BLOCK_ALIGN)
  return (HELD << KIND_SHIFT) | heldTables(keeper)
}

/**
 * Gives a block to another thread or parent. Lock-free. The caller keeps the block, by itself or by a parent that stays
 * alive during the call: so no sweep takes it for garbage before, in between, or after.
 */
export function adoptBlock(agent: Agent, region: Region, header: number, keeper: { owner: number } | { parent: Handle }): void {
  const { ops } = agent
  if ('parent' in keeper) {
    // A parent takes two words. While the block is OWNED the second one means nothing and may be changed. ADOPTIONS goes
    // first: a sweep that saw the old parent and will see the new generation finds it changed.
    ops.store(region.words, header + KEEPER, keeperWord({ owner: agent.id }))
    ops.add(region.words, header + ADOPTIONS, 1)
    ops.store(region.words, header + PARENT_GENERATION, keeper.parent.generation)
  }
  // PUBLISH(A3): the parent's generation above is visible to OBSERVE(A3) in isGarbage()
  ops.store(region.words, header + KEEPER, keeperWord(keeper))
}

/** Whether the block has lost its keeper. For the holder of the allocator's lock. */
export function isGarbage(agent: Agent, region: Region, header: number, isLive: (handle: Handle) => boolean): boolean {
  const { ops } = agent
  const { words } = region
  for (;;) {
    const adoptions = ops.load(words, header + ADOPTIONS)
    const keeper = ops.load(words, header + KEEPER) // OBSERVE(A3)
    if (!hasLostKeeper(agent, region, header, keeper, isLive)) return false
    // The keeper may have given the block away after we read its name, and died only then; or the generation was of the
    // next parent. A keeper that is gone gives nothing away, so two equal looks are final.
    if (ops.load(words, header + KEEPER) === keeper && ops.load(words, header + ADOPTIONS) === adoptions) return true
  }
}

function hasLostKeeper(agent: Agent, region: Region, header: number, keeper: number, isLive: (handle: Handle) => boolean): boolean {
  const value = keeper & VALUE_MASK
  switch (keeper >>> KIND_SHIFT) {
    case OWNED:
      return agent.isDead(value)
    case CHILD:
      return !isLive({ offset: value * BLOCK_ALIGN, generation: agent.ops.load(region.words, header + PARENT_GENERATION) })
    default: {
      // One after the other will do: a table that is empty stays empty.
      const tables = header + (HEADER_BYTES >> 2)
      for (let table = 0; table < value; table++) {
        if (new Holders(agent, region.words, tables + table * (HOLDERS_BYTES >> 2)).anyLive()) return false
      }
      return true
    }
  }
}
