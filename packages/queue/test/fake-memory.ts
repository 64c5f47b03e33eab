import type { SegmentMemory, SegmentView } from '../src/store/segment.ts'

/** Segments in plain buffers, that can be counted. Freed ones are filled with garbage: nothing may rely on zeros. */
export class FakeMemory implements SegmentMemory {
  readonly segmentWords: number
  readonly live = new Map<number, { view: SegmentView; generation: number }>()
  #refs = 0

  constructor(segmentWords: number) {
    this.segmentWords = segmentWords
  }

  allocate(): { ref: number; generation: number } {
    const ref = ++this.#refs
    const buffer = new SharedArrayBuffer(4 * this.segmentWords)
    const words = new Int32Array(buffer).fill(0x3f3f3f3f)
    this.live.set(ref, { view: { words, bytes: new Uint8Array(buffer), base: 0 }, generation: ref * 7 })
    return { ref, generation: ref * 7 }
  }

  free(ref: number, generation: number): void {
    const segment = this.live.get(ref)
    if (!segment || segment.generation !== generation) throw new Error(`freed ${ref} (${generation}) that is not live`)
    segment.view.words.fill(0x7e7e7e7e)
    this.live.delete(ref)
  }

  view(ref: number): SegmentView {
    const segment = this.live.get(ref)
    if (!segment) throw new Error(`segment ${ref} is not live`)
    return segment.view
  }
}

