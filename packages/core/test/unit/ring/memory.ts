import { atomics } from '../../../src/arena/atomics.ts'
import type { Agent } from '../../../src/contracts/agent.ts'
import { RING_HEAD_BYTES } from '../../../src/ring/layout.ts'
import { Ring } from '../../../src/ring/spsc.ts'

/** A thread that never has to wait for another one. */
export function loneAgent(ops = atomics, id = 4097): Agent {
  return {
    ops,
    id,
    isDead: (other) => other !== id,
    isParked: () => false,
    wake: () => {},
    park: () => {
      throw new Error('a thread alone would wait for ever')
    },
    nowMs: () => performance.now(),
  }
}

export interface RingMemory {
  readonly words: Int32Array
  readonly bytes: Uint8Array
}

export function ringMemory(capacityBytes: number): RingMemory {
  const buffer = new SharedArrayBuffer(RING_HEAD_BYTES + capacityBytes)
  return { words: new Int32Array(buffer), bytes: new Uint8Array(buffer) }
}

/** A ring whose positions start at `position`, so that wraps come early. */
export function ringAt(position: number, capacityBytes: number, memory = ringMemory(capacityBytes)): Ring {
  const ring = Ring.create(loneAgent(), memory.words, memory.bytes, 0, capacityBytes)
  memory.words[32] = position
  memory.words[64] = position
  return ring
}

export function record(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (seed + i * 7) & 255)
}

export function pop(ring: Ring): { payload: Uint8Array; flags: number } | undefined {
  if (!ring.peek()) return undefined
  const popped = { payload: ring.bytes.slice(ring.start, ring.start + ring.length), flags: ring.flags }
  ring.release()
  return popped
}
