import { allocator, arena, GRAIN_BYTES } from '@multiproc/core'
import type { ArenaPlace } from '@multiproc/core'
import type { SegmentMemory, SegmentView } from './segment.ts'

const REF_BYTES = 64
/** A run of one grain with the allocator's block header. */
const SEGMENT_BYTES = GRAIN_BYTES - REF_BYTES

/** Segments as blocks of the arena that go with the queue's own block. A ref is the block's offset in units of 64 bytes. */
export class ArenaSegments implements SegmentMemory {
  readonly segmentWords = SEGMENT_BYTES >> 2
  readonly #queue: ArenaPlace

  constructor(queue: ArenaPlace) {
    this.#queue = queue
  }

  allocate(): { ref: number; generation: number } {
    const { offset, generation } = allocator().alloc(SEGMENT_BYTES, { parent: this.#queue }, { zeroed: false })
    return { ref: offset / REF_BYTES, generation }
  }

  free(ref: number, generation: number): void {
    allocator().free({ offset: ref * REF_BYTES, generation })
  }

  view(ref: number): SegmentView {
    const offset = ref * REF_BYTES
    const { words, bytes, base } = arena().region(offset)
    return { words, bytes, base: (offset - base) >> 2 }
  }
}
