/** A mapped chunk of the arena. The same object is returned for the same chunk for as long as the thread lives. */
export interface Region {
  /** The chunk as words: `words[(offset - base) >> 2]` is the word at arena offset `offset`. */
  readonly words: Int32Array
  readonly bytes: Uint8Array
  /** Arena offset of the region's first byte. */
  readonly base: number
}

/** Memory as the allocator sees it: offsets are bytes from the start of the arena. */
export interface ArenaMemory {
  /** The mapped chunk that holds this offset. Maps it at the first use. */
  region(offset: number): Region
  /** Grows the arena to at least `bytes`. The caller holds the allocator lock. Throws ERR_MULTIPROC_NO_MEMORY. */
  ensureSize(bytes: number): void
  /** Gives the pages of a range back; it reads as zeros afterwards. */
  punch(offset: number, length: number): void
}
