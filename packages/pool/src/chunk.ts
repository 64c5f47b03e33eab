import { Portion } from './portion.ts'

/** Chunks per worker when nothing is said, and the first one would be like all: enough to even out items of different cost. Source: CPython's Pool.map. */
const CHUNKS_PER_WORKER = 4
/** The last chunks are no smaller than one of so many for each worker: each costs a message. */
const MOST_PER_WORKER = 32

/**
 * Where the chunks of so many items begin, and, last, where the items end. The first ones are a quarter of a worker's share,
 * as in Python; then each is a quarter of a share of what is left: so all workers end at about the same time, also when
 * the items take different times.
 */
export function chunkBounds(items: number, workers: number, chunkSize: number | undefined): number[] {
  const bounds = [0]
  const least = Math.max(1, Math.ceil(items / (workers * MOST_PER_WORKER)))
  for (let start = 0; start < items; ) {
    const size = chunkSize ?? Math.max(least, Math.ceil((items - start) / (workers * CHUNKS_PER_WORKER)))
    start = Math.min(items, start + size)
    bounds.push(start)
  }
  return bounds
}

/** An adaptive chunk is so long, about: short against what a person or a timer notices, long against a message. */
const CHUNK_MICROSECONDS = 500

/** Items for the next chunk of a stream: as many as take half a millisecond, and `most` at most. */
export class ChunkSize extends Portion {
  constructor(most: number) {
    super(CHUNK_MICROSECONDS, most, 4)
  }
}
