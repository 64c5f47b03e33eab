import { explore, type ModelAgent } from '@multiproc/testing'
import { expect, it } from 'vitest'
import type { Agent } from '../../../src/contracts/agent.ts'
import { WAITS_SYNC } from '../../../src/contracts/agent.ts'
import { settleSync } from '../../../src/parking/turn.ts'
import { wakeAll } from '../../../src/parking/wait.ts'
import type { Waiters } from '../../../src/parking/waiters.ts'
import { PeerTurn } from '../../../src/ring/peer-turn.ts'
import { SharedRing, sharedRingBytes } from '../../../src/ring/sides.ts'
import { loneAgent } from '../../unit/ring/memory.ts'

const CAPACITY = 32 // eight words: four records of one byte
// Behind the ring: a word for each thread, set when it closes its end.
const CLOSED = sharedRingBytes(CAPACITY) / 4
const WORDS = CLOSED + 4

function setup(words: Int32Array): void {
  SharedRing.create(loneAgent(), words, bytesOf(words), 0, CAPACITY)
}

function bytesOf(words: Int32Array): Uint8Array {
  return new Uint8Array(words.buffer)
}

function attach(agent: Agent, words: Int32Array): SharedRing {
  return new SharedRing(agent, words, bytesOf(words), 0)
}

/** Closed or dead: for ever. */
function isGone(agent: ModelAgent, words: Int32Array, id: number): boolean {
  return agent.isDead(id) || agent.ops.load(words, CLOSED + (id & 3)) !== 0
}

/** What a Channel does at its end: those who watch this thread look for another one to watch. */
function close(agent: ModelAgent, words: Int32Array, ring: SharedRing): void {
  agent.ops.store(words, CLOSED + (agent.id & 3), 1)
  wakeAll(agent, ring.forRecords)
  wakeAll(agent, ring.forRoom)
}

/** Waits as `ChannelEnd` does. */
function wait<T>(agent: ModelAgent, words: Int32Array, waiters: Waiters, peers: number[], starting: () => void, look: () => T | undefined): T {
  const peer = { firstHeld: () => peers.find((id) => !isGone(agent, words, id)) ?? 0, hasFlights: () => false }
  const turn = new PeerTurn(agent, waiters, WAITS_SYNC, peer, starting, look)
  settleSync(agent, turn, Infinity)
  return turn.found!
}

/** Sends `values`, waiting for room; stops when all `readers` are gone. Returns how many it sent. */
function produce(agent: ModelAgent, words: Int32Array, values: number[], readers: number[]): number {
  const ring = attach(agent, words)
  let sent = 0
  for (const value of values) {
    const look = (): boolean | undefined => {
      if (readers.every((id) => isGone(agent, words, id))) return false
      return ring.tryPush(Uint8Array.of(value), 1, 0) || undefined
    }
    if (!wait(agent, words, ring.forRoom, readers, () => ring.startWaitingForRoom(), look)) break
    sent++
  }
  close(agent, words, ring)
  return sent
}

/** Takes up to `count` values, waiting; stops when the ring is empty and all `writers` are gone. */
function consume(agent: ModelAgent, words: Int32Array, count: number, writers: number[]): number[] {
  const ring = attach(agent, words)
  const got: number[] = []
  const take = (): number | undefined => ring.tryPop(({ bytes, start }) => agent.read(() => bytes[start]!))
  while (got.length < count) {
    const look = (): number | undefined => take() ?? (writers.every((id) => isGone(agent, words, id)) ? (take() ?? 0) : undefined)
    const value = wait(agent, words, ring.forRecords, writers, () => ring.startWaitingForRecords(), look)
    if (value === 0) break
    got.push(value)
  }
  close(agent, words, ring)
  return got
}

// Ids as the explorer gives them, by place.
const [first, second, third] = [1, 2, 3].map((n) => (n << 12) | n) as [number, number, number]

it('loses nothing and leaves nobody asleep between a producer that waits for room and a consumer, either of which may die', () => {
  const report = explore({
    words: WORDS,
    setup: (words) => {
      setup(words)
      const ring = attach(loneAgent(), words)
      for (const value of [1, 2, 3]) ring.tryPush(Uint8Array.of(value), 1, 0)
    },
    agents: {
      producer: (agent, words) => produce(agent, words, [4, 5], [second]),
      consumer: (agent, words) => consume(agent, words, 5, [first]),
    },
    kills: 1,
    maxPreemptions: 1,
    check: ({ dead, results }) => {
      if (!dead.includes('consumer')) expect(results.consumer).toEqual([1, 2, 3, 4, 5].slice(0, dead.length === 0 ? 5 : (results.consumer as number[]).length))
      if (dead.length === 0) expect(results.producer).toBe(2)
    },
  })
  expect(report.exhausted).toBe(true)
  expect(report.timeouts).toBe(0)
})

// Three threads with both have more schedules than a test may take.
const bounds = [
  { kills: 0, maxPreemptions: 1 },
  { kills: 1, maxPreemptions: 0 },
]

it.each(bounds)('gives each record to one of two consumers, and to the other when that one dies with it ($kills deaths, $maxPreemptions preemptions)', (bound) => {
  const report = explore({
    words: WORDS,
    setup,
    agents: {
      producer: (agent, words) => produce(agent, words, [1, 2], [second, third]),
      a: (agent, words) => consume(agent, words, 1, [first]),
      b: (agent, words) => consume(agent, words, 1, [first]),
    },
    ...bound,
    mayDie: ['a', 'producer'],
    check: ({ dead, results }) => {
      const got = [...((results.a as number[]) ?? []), ...((results.b as number[]) ?? [])].sort()
      if (dead.length === 0) expect(got).toEqual([1, 2])
      // A producer that is alive sends both, and a consumer that is alive gets one of them.
      else if (dead.includes('a')) expect(got.length).toBe(1)
      else expect(new Set(got).size).toBe(got.length)
    },
  })
  expect(report.exhausted).toBe(true)
  expect(report.timeouts).toBe(0)
})

it.each(bounds)('lets two producers in one after the other, and one of them when the other dies inside ($kills deaths, $maxPreemptions preemptions)', (bound) => {
  const report = explore({
    words: WORDS,
    setup,
    agents: {
      consumer: (agent, words) => consume(agent, words, 3, [second, third]),
      a: (agent, words) => produce(agent, words, [1], [first]),
      b: (agent, words) => produce(agent, words, [3, 4], [first]),
    },
    ...bound,
    mayDie: ['a', 'b'],
    check: ({ dead, results }) => {
      const got = results.consumer as number[]
      const of = (values: number[]): number[] => got.filter((value) => values.includes(value))
      expect([3, 4].slice(0, of([3, 4]).length)).toEqual(of([3, 4]))
      if (!dead.includes('a')) expect(of([1])).toEqual([1])
      if (!dead.includes('b')) expect(of([3, 4])).toEqual([3, 4])
    },
  })
  expect(report.exhausted).toBe(true)
  expect(report.timeouts).toBe(0)
})
