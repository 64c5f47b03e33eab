/** Chunks per worker when nothing is said: enough to even out items of different cost. Source: CPython's Pool.map. */
const CHUNKS_PER_WORKER = 4

export function chunkSizeFor(items: number, workers: number): number {
  return Math.max(1, Math.ceil(items / (workers * CHUNKS_PER_WORKER)))
}
