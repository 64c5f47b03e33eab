import { atomics } from '../../src/arena/atomics.ts'
import { WAITS_ASYNC, WAITS_SYNC, type Agent } from '../../src/contracts/agent.ts'
import { Mutex, MUTEX_BYTES } from '../../src/parking/mutex.ts'
import { waitSync } from '../../src/parking/wait.ts'
import { NO_SLOT, WAITER_SLOTS, Waiters, WAITERS_BYTES } from '../../src/parking/waiters.ts'
import { expect, it } from 'vitest'

interface Simulated extends Agent {
  readonly woken: string[]
  readonly dead: Set<number>
  readonly parked: Set<number>
  /** Runs in place of each sleep. */
  whenParked: (deadlineMs: number, watched: readonly number[]) => void
}

function simulated(id: number): Simulated {
  const woken: string[] = []
  const dead = new Set<number>()
  const parked = new Set<number>()
  let now = 1000
  return {
    ops: atomics,
    id,
    woken,
    dead,
    parked,
    whenParked: () => {},
    isDead: (other) => dead.has(other),
    isParked: (other) => parked.has(other),
    wake: (other, how) => void woken.push(`${other} ${how === WAITS_SYNC ? 'park' : 'bell'}`),
    nowMs: () => now,
    park(deadlineMs, watched) {
      if (deadlineMs < Infinity) now = deadlineMs
      this.whenParked(deadlineMs, watched)
    },
  }
}

const wordsFor = (bytes: number): Int32Array => new Int32Array(new SharedArrayBuffer(bytes))

/** Waiters of several threads on the same words. */
function joined(...kinds: (typeof WAITS_SYNC | typeof WAITS_ASYNC)[]): { words: Int32Array; slots: number[]; agent: Simulated; waiters: Waiters } {
  const words = wordsFor(WAITERS_BYTES)
  const slots = kinds.map((kind, i) => new Waiters(simulated(i + 1), words, 0).join(kind))
  const agent = simulated(100)
  return { words, slots, agent, waiters: new Waiters(agent, words, 0) }
}

const ids = (waiters: Waiters): number[] => waiters.survey().line.map(({ id }) => id)

it('keeps waiters in the order they came, whatever slot they found', () => {
  const { words, slots, waiters } = joined(WAITS_SYNC, WAITS_ASYNC, WAITS_SYNC)
  expect(ids(waiters)).toEqual([1, 2, 3])
  waiters.leave(slots[0]!)
  new Waiters(simulated(4), words, 0).join(WAITS_SYNC)
  expect(ids(waiters)).toEqual([2, 3, 4])
})

it('frees the slots of the dead, joining ones included', () => {
  const { words, agent, waiters } = joined(WAITS_SYNC, WAITS_SYNC)
  words[4 + 3 * 2] = (9 << 2) | 1
  words[0] = 3
  agent.dead.add(1).add(9)
  expect(ids(waiters)).toEqual([2])
  expect(waiters.joining).toEqual([])
  expect([words[4], words[10]]).toEqual([0, 0])
})

it('keeps order when tickets wrap', () => {
  const { words, waiters } = joined()
  words[1] = 0x3fff_fffe
  for (const id of [1, 2, 3]) new Waiters(simulated(id), words, 0).join(WAITS_SYNC)
  expect(ids(waiters)).toEqual([1, 2, 3])
})

it('has no place for more than its slots', () => {
  const { words } = joined()
  const waiters = new Waiters(simulated(1), words, 0)
  for (let i = 0; i < WAITER_SLOTS; i++) expect(waiters.join(WAITS_SYNC)).toBe(i)
  expect(waiters.join(WAITS_SYNC)).toBe(NO_SLOT)
})

it('passes over async waiters of parked threads, and wakes a second one when the first is a loop', () => {
  const { agent, waiters } = joined(WAITS_ASYNC, WAITS_ASYNC, WAITS_SYNC)
  agent.parked.add(1)
  waiters.wake(waiters.survey().first(false)!)
  expect(agent.woken).toEqual(['2 bell', '3 park'])
})

it('lets a waiter without a place in line look by itself, and get the lock', () => {
  const words = wordsFor(MUTEX_BYTES)
  const crowd = new Waiters(simulated(1), words, 4)
  for (let i = 0; i < WAITER_SLOTS; i++) crowd.join(WAITS_SYNC)
  const owner = simulated(2)
  const held = new Mutex(owner, words, 0)
  expect(held.tryAcquire()).toBe(true)
  const late = simulated(3)
  const naps: number[] = []
  late.whenParked = (deadlineMs, watched) => {
    expect(watched).toEqual([2])
    naps.push(deadlineMs)
    if (naps.length === 3) held.release()
  }
  expect(new Mutex(late, words, 0).acquireSync(Infinity)).toBe(true)
  expect(naps).toEqual([1020, 1040, 1060])
})

it('leaves the line when a condition throws', () => {
  const words = wordsFor(WAITERS_BYTES)
  const agent = simulated(1)
  const waiters = new Waiters(agent, words, 0)
  let looks = 0
  const look = (): undefined => {
    if (++looks > 2) throw new Error('closed')
  }
  expect(() => waitSync(agent, waiters, look)).toThrow('closed')
  expect(ids(waiters)).toEqual([])
})
