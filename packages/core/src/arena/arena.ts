import { fstatSync, readSync, writeSync } from 'node:fs'
import type { ArenaMemory, Region } from '../contracts/arena-memory.ts'
import { MultiprocError } from '../errors/base.ts'
import type { Mapping, Os } from '../os/contract.ts'
import { atomics } from './atomics.ts'
import {
  ARENA_MAGIC,
  CHUNK_BYTES,
  H_BACKEND,
  H_CHUNKS,
  H_MAGIC,
  H_VERSION,
  LAYOUT_VERSION,
  MAX_ARENA_BYTES,
  PLACE_BYTES,
  PLACE_OFFSET,
} from './layout.ts'

/** What a member of the family needs to join it: an inherited descriptor, and the layout of whoever made it. */
export interface FamilyDescriptor {
  readonly fd: number
  readonly layout: number
  /** Set by who starts a Worker and calls `requestStop` before it ends it: then its waits need no slices. */
  readonly stops?: boolean
}

interface MappedRegion extends Region, Mapping {}

/**
 * The shared memory of a family, as this thread sees it: one file without a name, mapped chunk by chunk as it is touched.
 * Chunks are small because a view counts as `external` memory as a whole, touched or not.
 */
export class Arena implements ArenaMemory {
  readonly fd: number
  /** Chunk 0: the tables. */
  readonly head: MappedRegion
  private readonly os: Os
  private readonly regions: (MappedRegion | undefined)[] = []

  private constructor(os: Os, fd: number) {
    this.os = os
    this.fd = fd
    this.head = this.map(0)
  }

  static create(os: Os): Arena {
    const { fd, place } = os.createMemory()
    os.growMemory(fd, CHUNK_BYTES)
    const arena = new Arena(os, fd)
    const { words, bytes } = arena.head
    const placeBytes = Buffer.from(place)
    if (placeBytes.length >= PLACE_BYTES) {
      throw new MultiprocError('ERR_MULTIPROC_UNSUPPORTED', `the folder for temporary files has a path of ${placeBytes.length} bytes, more than ${PLACE_BYTES - 1}: ${place}. Set TMPDIR to a shorter one.`)
    }
    bytes.set(placeBytes, PLACE_OFFSET)
    words[H_BACKEND] = os.backend
    words[H_CHUNKS] = 1
    words[H_VERSION] = LAYOUT_VERSION
    words[H_MAGIC] = ARENA_MAGIC
    return arena
  }

  static join(os: Os, descriptor: FamilyDescriptor): Arena {
    const { fd } = descriptor
    let size = 0
    try {
      size = fstatSync(fd).size
    } catch {
      // Not a descriptor at all: told below.
    }
    if (size < CHUNK_BYTES) {
      throw new MultiprocError('ERR_MULTIPROC_FOREIGN', `descriptor ${fd} is not the shared memory of a multiproc family: it was not inherited from the process that made it.`, { details: { fd } })
    }
    const arena = new Arena(os, fd)
    const { words, bytes } = arena.head
    const version = words[H_MAGIC] === ARENA_MAGIC ? (words[H_VERSION] as number) : 0
    checkLayout(version)
    if (words[H_BACKEND] !== os.backend) {
      throw new MultiprocError(
        'ERR_MULTIPROC_UNSUPPORTED',
        `this process uses the backend ${os.name}, its family another one: MULTIPROC_BACKEND must be the same for all of them.`,
        { details: { backend: os.backend, family: words[H_BACKEND] } },
      )
    }
    const end = bytes.indexOf(0, PLACE_OFFSET)
    os.usePlace(Buffer.from(bytes.subarray(PLACE_OFFSET, end)).toString())
    return arena
  }

  /** Bytes that may be touched now. Other members may make it grow at any time. */
  get size(): number {
    return atomics.load(this.head.words, H_CHUNKS) * CHUNK_BYTES
  }

  region(offset: number): Region {
    const chunk = Math.floor(offset / CHUNK_BYTES)
    return this.regions[chunk] ?? this.map(chunk)
  }

  ensureSize(bytes: number): void {
    const chunks = Math.ceil(bytes / CHUNK_BYTES)
    if (chunks * CHUNK_BYTES <= this.size) return
    if (chunks * CHUNK_BYTES > MAX_ARENA_BYTES) throw this.noMemory(bytes, `a family has at most ${MAX_ARENA_BYTES} bytes of shared memory`)
    try {
      this.os.growMemory(this.fd, chunks * CHUNK_BYTES)
    } catch (cause) {
      throw this.noMemory(bytes, (cause as Error).message, cause)
    }
    atomics.store(this.head.words, H_CHUNKS, chunks)
  }

  punch(offset: number, length: number): void {
    this.os.punch(this.fd, offset, length)
  }

  /** Copies out of the arena without mapping anything. */
  readAt(offset: number, target: Uint8Array): void {
    for (let done = 0; done < target.length; ) {
      const count = readSync(this.fd, target, done, target.length - done, offset + done)
      if (count === 0) throw new RangeError(`arena: nothing at offset ${offset + done}`)
      done += count
    }
  }

  writeAt(offset: number, source: Uint8Array): void {
    for (let done = 0; done < source.length; ) done += writeSync(this.fd, source, done, source.length - done, offset + done)
  }

  private map(chunk: number): MappedRegion {
    const base = chunk * CHUNK_BYTES
    // A mapping behind the end would be a SIGBUS at its first use.
    if (chunk > 0 && base + CHUNK_BYTES > this.size) throw new RangeError(`arena: offset ${base} is behind the end at ${this.size}`)
    const region = { ...this.os.mapChunk(this.fd, base, CHUNK_BYTES), base }
    this.regions[chunk] = region
    return region
  }

  private noMemory(bytes: number, reason: string, cause?: unknown): MultiprocError {
    return new MultiprocError('ERR_MULTIPROC_NO_MEMORY', `shared memory cannot grow to ${bytes} bytes: ${reason}. Close handles and take messages that wait.`, {
      cause,
      details: { bytes },
    })
  }
}

export function checkLayout(version: number, other = 'the family of this process'): void {
  if (version === LAYOUT_VERSION) return
  throw new MultiprocError('ERR_MULTIPROC_LAYOUT', `${other} uses memory layout ${version} of @multiproc/core, this copy layout ${LAYOUT_VERSION}: install one version of it for all.`, {
    details: { expected: LAYOUT_VERSION, got: version },
  })
}
