import { explore, type ModelAgent } from '@multiproc/testing'
import { expect, it } from 'vitest'
import { RECORDS } from '../../../src/ring/layout.ts'
import { Ring } from '../../../src/ring/spsc.ts'
import { loneAgent } from '../../unit/ring/memory.ts'

const CAPACITY = 32 // eight words: four records of one word
const WORDS = RECORDS + CAPACITY / 4
const FULL = 1
const EMPTY = 2

function setup(position: number) {
  return (words: Int32Array) => {
    Ring.create(loneAgent(), words.subarray(8), bytesOf(words), 0, CAPACITY)
    words[8 + 32] = words[8 + 64] = position
  }
}

// Words 0 to 7 are the test's own, the ring stands behind them.
function bytesOf(words: Int32Array): Uint8Array {
  return new Uint8Array(words.buffer, 32)
}

function attach(agent: ModelAgent, words: Int32Array): Ring {
  return new Ring(agent, words.subarray(8), bytesOf(words), 0)
}

function produce(agent: ModelAgent, words: Int32Array, values: number[]): number {
  const ring = attach(agent, words)
  let pushed = 0
  for (const value of values) if (ring.tryPush(Uint8Array.of(value, value, value, value), value % 2 ? 4 : 1, 0)) pushed++
  return pushed
}

function consume(agent: ModelAgent, words: Int32Array, looks: number): number[] {
  const ring = attach(agent, words)
  const seen: number[] = []
  for (let look = 0; look < looks; look++) {
    if (!ring.peek()) continue
    const { start, length } = ring
    for (let i = 0; i < length; i++) seen.push(agent.read(() => ring.bytes[start + i]!))
    ring.release()
  }
  return seen
}

it('never shows half a record, never loses or doubles one, in every schedule of a producer and a consumer', () => {
  const report = explore({
    words: WORDS + 8,
    setup: setup(0x7fff_fffd), // wraps, and needs a PAD
    agents: {
      producer: (agent, words) => produce(agent, words, [1, 3, 2, 5]),
      consumer: (agent, words) => consume(agent, words, 4),
    },
    kills: 1,
    check: ({ words, dead, results }) => {
      const rest = consume({ ...loneAgent(), read: (look: () => number) => look() } as unknown as ModelAgent, words, 5)
      const all = [1, 1, 1, 1, 3, 3, 3, 3, 2, 5, 5, 5, 5]
      const seen = [...((results.consumer as number[]) ?? []), ...rest]
      if (dead.length === 0) expect(results.producer === 4 || seen.length < all.length).toBe(true)
      // Whoever died: what is seen is a run of whole records in order (all of them, from the first, if the consumer lived).
      const from = dead.includes('consumer') ? all.indexOf(seen[0] ?? 1) : 0
      const expected = results.producer === 4 || dead.length > 0 ? all.slice(from, from + seen.length) : seen
      expect(seen).toEqual(expected)
      if (results.producer === 4) expect(from + seen.length).toBe(all.length)
    },
  })
  expect(report.exhausted).toBe(true)
  expect(report.ends).toBeGreaterThan(10)
})

it('never leaves a side asleep when each tells the other after its store and looks again before it sleeps', () => {
  const waitUntil = (agent: ModelAgent, words: Int32Array, flag: number, look: () => boolean): void => {
    for (;;) {
      if (look()) return
      agent.ops.store(words, flag, agent.id)
      if (look()) return
      agent.park(Infinity, [])
    }
  }
  const tell = (agent: ModelAgent, words: Int32Array, flag: number): void => {
    const id = agent.ops.exchange(words, flag, 0)
    if (id !== 0) agent.wake(id, 1)
  }
  const report = explore({
    words: WORDS + 8,
    setup: setup(0),
    agents: {
      producer: (agent, words) => {
        const ring = attach(agent, words)
        for (let value = 1; value <= 5; value++) {
          waitUntil(agent, words, FULL, () => ring.tryPush(Uint8Array.of(value, 0, 0, 0), 4, 0))
          tell(agent, words, EMPTY)
        }
      },
      consumer: (agent, words) => {
        const ring = attach(agent, words)
        for (let value = 1; value <= 5; value++) {
          waitUntil(agent, words, EMPTY, () => ring.peek())
          const { start } = ring
          agent.expect(agent.read(() => ring.bytes[start]!) === value, `record ${value} came in order`)
          ring.release()
          tell(agent, words, FULL)
        }
      },
    },
    maxPreemptions: 4,
  })
  expect(report.exhausted).toBe(true)
  expect(report.timeouts).toBe(0)
})
