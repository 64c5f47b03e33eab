import { atomics, type AtomicOps } from '../src/arena/atomics.ts'
import { Allocator, type AllocatorLock } from '../src/arena/allocator.ts'
import { ALLOCATOR_MUTEX_OFFSET, CHUNK_BYTES } from '../src/arena/layout.ts'
import type { Agent } from '../src/contracts/agent.ts'
import type { ArenaMemory, Region } from '../src/contracts/arena-memory.ts'
import { MultiprocError } from '../src/errors/base.ts'

/** Threads of a family, in one real thread: whoever is in `dead` is dead, and nobody ever waits. */
export class SimulatedFamily {
  readonly dead = new Set<number>()
  readonly memory: SimulatedArena

  constructor(maxChunks = 16) {
    this.memory = new SimulatedArena(maxChunks)
  }

  agent(id: number, ops: AtomicOps = atomics): Agent {
    return {
      ops,
      id,
      isDead: other => this.dead.has(other),
      isParked: () => false,
      wake: () => {},
      park: () => {
        throw new Error('nobody parks here')
      },
      nowMs: () => 0,
    }
  }

  allocator(id: number, ops: AtomicOps = atomics): Allocator {
    const agent = this.agent(id, ops)
    return new Allocator(agent, this.memory, new OwnerWord(agent, this.memory.region(0).words))
  }
}

/** The least lock that knows of death: one word with the owner's id. Waiting for a living owner is a bug of the test. */
class OwnerWord implements AllocatorLock {
  readonly #agent: Agent
  readonly #words: Int32Array

  constructor(agent: Agent, words: Int32Array) {
    this.#agent = agent
    this.#words = words
  }

  acquireSync(): boolean {
    const { ops, id } = this.#agent
    const owner = ops.load(this.#words, ALLOCATOR_MUTEX_OFFSET >> 2)
    if (owner !== 0 && !this.#agent.isDead(owner)) throw new Error(`thread ${id} would wait for the living thread ${owner}`)
    return ops.compareExchange(this.#words, ALLOCATOR_MUTEX_OFFSET >> 2, owner, id) === owner
  }

  release(): void {
    this.#agent.ops.store(this.#words, ALLOCATOR_MUTEX_OFFSET >> 2, 0)
  }
}

export class SimulatedArena implements ArenaMemory {
  readonly punched: { offset: number; length: number }[] = []
  readonly #regions: Region[] = []
  readonly #maxChunks: number

  constructor(maxChunks: number) {
    this.#maxChunks = maxChunks
    this.ensureSize(CHUNK_BYTES)
  }

  get chunks(): number {
    return this.#regions.length
  }

  region(offset: number): Region {
    const region = this.#regions[Math.floor(offset / CHUNK_BYTES)]
    if (region === undefined) throw new Error(`nothing is mapped at ${offset}`)
    return region
  }

  ensureSize(bytes: number): void {
    if (bytes > this.#maxChunks * CHUNK_BYTES) throw new MultiprocError('ERR_MULTIPROC_NO_MEMORY', 'the simulated arena is full')
    while (this.#regions.length * CHUNK_BYTES < bytes) {
      const buffer = new SharedArrayBuffer(CHUNK_BYTES)
      this.#regions.push({ words: new Int32Array(buffer), bytes: new Uint8Array(buffer), base: this.#regions.length * CHUNK_BYTES })
    }
  }

  punch(offset: number, length: number): void {
    this.punched.push({ offset, length })
    for (let at = offset; at < offset + length; ) {
      const { bytes, base } = this.region(at)
      const behind = Math.min(offset + length, base + CHUNK_BYTES)
      bytes.fill(0, at - base, behind - base)
      at = behind
    }
  }
}
