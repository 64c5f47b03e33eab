import { HEADER_BYTES } from './block.ts'
import { BLOCK_ALIGN, GRAIN_BYTES } from './layout.ts'

/** A grain of small blocks begins with a head as long as a block header; the rest is cut into blocks of one class. */
const USABLE_BYTES = GRAIN_BYTES - HEADER_BYTES

export interface SizeClass {
  /** Of a whole block, header included. */
  readonly bytes: number
  readonly blocksPerGrain: number
}

/**
 * Four classes per doubling (as jemalloc: at most 1/5 of a block unused), each then as large as the same number of blocks
 * in a grain allows. Part of the layout: a change needs a new LAYOUT_VERSION.
 */
export const sizeClasses: readonly SizeClass[] = makeClasses()

export const MAX_SMALL_BYTES = sizeClasses.at(-1)!.bytes

/** Class by whole bytes / 64, rounded up. */
const byUnits = new Uint8Array(MAX_SMALL_BYTES / BLOCK_ALIGN + 1)
for (let units = 0, index = 0; units < byUnits.length; units++) {
  while (sizeClasses[index]!.bytes < units * BLOCK_ALIGN) index++
  byUnits[units] = index
}

/** The class for a block of `bytes` (header included), at most MAX_SMALL_BYTES. */
export function sizeClassFor(bytes: number): number {
  return byUnits[Math.ceil(bytes / BLOCK_ALIGN)]!
}

function makeClasses(): SizeClass[] {
  const classes: SizeClass[] = []
  for (let doubling = 128; doubling < USABLE_BYTES / 2; doubling *= 2) {
    for (let step = 4; step < 8; step++) {
      const wanted = Math.ceil((doubling * step) / 4 / BLOCK_ALIGN) * BLOCK_ALIGN
      const blocksPerGrain = Math.floor(USABLE_BYTES / wanted)
      if (blocksPerGrain < 2) continue
      const bytes = Math.floor(USABLE_BYTES / blocksPerGrain / BLOCK_ALIGN) * BLOCK_ALIGN
      if (classes.at(-1)?.bytes !== bytes) classes.push({ bytes, blocksPerGrain })
    }
  }
  return classes
}
