import type { Agent } from '@multiproc/core'
import { END, SEGMENT_GENERATION, SEGMENT_HEADER_WORDS, SEGMENT_NEXT } from './layout.ts'

/** Where segments come from: the arena for a real queue, a plain buffer in tests. A ref names a segment in 31 bits. */
export interface SegmentMemory {
  /** Words in one segment. */
  readonly segmentWords: number
  /** A segment that lives no longer than the queue. Its bytes may hold anything. */
  allocate(): { readonly ref: number; readonly generation: number }
  free(ref: number, generation: number): void
  view(ref: number): SegmentView
}

export interface SegmentView {
  readonly words: Int32Array
  readonly bytes: Uint8Array
  /** Index in `words` of the segment's first word. */
  readonly base: number
}

/** Makes the words of a new segment say: no record, no next one. Nobody else can see it yet. */
export function clearSegment(agent: Agent, view: SegmentView, generation: number): void {
  agent.ops.store(view.words, view.base + SEGMENT_NEXT, 0)
  agent.ops.store(view.words, view.base + SEGMENT_GENERATION, generation)
  agent.ops.store(view.words, view.base + SEGMENT_HEADER_WORDS, END)
}

/** A place in the chain: a segment and the position of a record in it. Moved, not copied, while the chain is walked. */
export class Place {
  readonly #memory: SegmentMemory
  ref = 0
  position = 0
  view!: SegmentView

  constructor(memory: SegmentMemory) {
    this.#memory = memory
  }

  moveTo(ref: number, position: number): void {
    if (ref !== this.ref) {
      this.ref = ref
      this.view = this.#memory.view(ref)
    }
    this.position = position
  }

  /** Index in `view.words` of the record's first word. */
  get index(): number {
    return this.view.base + this.position
  }
}
