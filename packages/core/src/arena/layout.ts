/**
 * Chunk 0 of the arena: the tables that every member of a family finds at the same place. Allocatable space begins at
 * chunk 1. The layout is fixed for one LAYOUT_VERSION; whoever joins with another one is refused, naming both.
 *
 * Layout v1 (bytes, little endian)                                          | owner
 *   0        header: 4 KiB
 *     0        int32 magic                                                  | arena.ts
 *     4        int32 layout version                                         | arena.ts
 *     8        int32 size of the file, in chunks: stored after the growth   | arena.ts
 *     12       int32 backend (1 linux, 2 portable)                          | arena.ts
 *     16       int32 hint: where the next claimed thread slot is looked for | thread-table.ts
 *     20       int32 hint: the same for process entries                     | process-table.ts
 *     256      512 bytes: the place of the portable backend, UTF-8, NUL     | arena.ts
 *   4096     thread table: 4,096 slots of 64 bytes (slot 0 is never used)   | thread-table.ts
 *   266240   process table: 4,096 entries of 16 bytes                       | process-table.ts
 *   331776   allocator mutex: 16 KiB                                        | allocator.ts
 *   348160   allocator redo log: 64 KiB                                     | allocator.ts
 *   413696   allocator lists: 64 KiB                                        | allocator.ts
 *   479232   grain map: 262,144 grains (16 GiB) of 4 bytes                  | allocator.ts
 *   1527808  spare, zero
 */
export const ARENA_MAGIC = 0x4d50_4131 // "MPA1"
export const LAYOUT_VERSION = 1

export const CHUNK_BYTES = 4 * 1024 * 1024
export const GRAIN_BYTES = 64 * 1024
/** A block offset is a multiple of this; words hold `offset / BLOCK_ALIGN` where it must fit 31 bits. */
export const BLOCK_ALIGN = 64

// Header words, as word indices into chunk 0.
export const H_MAGIC = 0
export const H_VERSION = 1
export const H_CHUNKS = 2
export const H_BACKEND = 3
export const H_THREAD_HINT = 4
export const H_PROCESS_HINT = 5
export const PLACE_OFFSET = 256
export const PLACE_BYTES = 512

export const THREAD_TABLE_OFFSET = 4096
export const THREAD_SLOTS = 4096
export const THREAD_SLOT_BYTES = 64

export const PROCESS_TABLE_OFFSET = THREAD_TABLE_OFFSET + THREAD_SLOTS * THREAD_SLOT_BYTES
export const PROCESS_ENTRIES = 4096
export const PROCESS_ENTRY_BYTES = 16

export const ALLOCATOR_MUTEX_OFFSET = PROCESS_TABLE_OFFSET + PROCESS_ENTRIES * PROCESS_ENTRY_BYTES
export const ALLOCATOR_MUTEX_BYTES = 16 * 1024
export const ALLOCATOR_LOG_OFFSET = ALLOCATOR_MUTEX_OFFSET + ALLOCATOR_MUTEX_BYTES
export const ALLOCATOR_LOG_BYTES = 64 * 1024
export const ALLOCATOR_LISTS_OFFSET = ALLOCATOR_LOG_OFFSET + ALLOCATOR_LOG_BYTES
export const ALLOCATOR_LISTS_BYTES = 64 * 1024
export const GRAIN_MAP_OFFSET = ALLOCATOR_LISTS_OFFSET + ALLOCATOR_LISTS_BYTES
export const GRAIN_COUNT = 262_144
export const GRAIN_MAP_BYTES = GRAIN_COUNT * 4

/** First byte that the allocator may hand out. */
export const SPACE_OFFSET = CHUNK_BYTES
export const MAX_ARENA_BYTES = GRAIN_COUNT * GRAIN_BYTES
