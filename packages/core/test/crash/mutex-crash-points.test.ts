import { sweepCrashes, type ModelOps } from '@multiproc/testing'
import { expect, it } from 'vitest'
import { atomics } from '../../src/arena/atomics.ts'
import { WAITS_SYNC, type Agent } from '../../src/contracts/agent.ts'
import { Mutex, MUTEX_BYTES } from '../../src/parking/mutex.ts'
import { Waiters } from '../../src/parking/waiters.ts'

const VICTIM = 1
const SURVIVOR = 2

function agent(id: number, ops: ModelOps, died: () => boolean): Agent {
  return {
    ops,
    id,
    isDead: (other) => other === VICTIM && died(),
    isParked: () => false,
    wake: () => {},
    park: () => {
      throw new Error(`thread ${id} would sleep`)
    },
    nowMs: () => 5,
  }
}

const newWords = (): Int32Array => new Int32Array(new SharedArrayBuffer(MUTEX_BYTES))

/** The survivor gets the lock, and it is told of a dead owner if there was one. Nothing of the dead stays in line. */
function takeOver(words: Int32Array, died: boolean): void {
  const owner = words[0]! & 0x3fff_ffff
  const survivor = agent(SURVIVOR, atomics, () => died)
  const mutex = new Mutex(survivor, words, 0)
  expect(mutex.acquireSync(5)).toBe(true)
  expect(mutex.abandoned).toBe(died && owner === VICTIM)
  mutex.release()
  const line = new Waiters(survivor, words, 4).survey()
  expect([line.line.length, line.joining.length]).toEqual([0, 0])
  expect(mutex.ownerId()).toBe(0)
}

it('is taken over wherever a thread dies that takes and releases it', () => {
  const points = sweepCrashes({
    prepare: newWords,
    act: (words, ops) => {
      const mutex = new Mutex(agent(VICTIM, ops, () => false), words, 0)
      mutex.acquireSync(Infinity)
      mutex.release()
    },
    survive: takeOver,
  })
  expect(points).toBe(2)
})

it('is taken over wherever a thread dies that waits in line, takes and releases it', () => {
  const points = sweepCrashes({
    prepare: newWords,
    act: (words, ops) => {
      const mutex = new Mutex(agent(VICTIM, ops, () => false), words, 0)
      const turn = mutex.enqueue(WAITS_SYNC)
      if (turn.look()) mutex.release()
    },
    survive: takeOver,
  })
  expect(points).toBeGreaterThan(15)
})

it('works on wherever a waiter dies that joins and gives up', () => {
  const points = sweepCrashes({
    prepare: () => {
      const words = newWords()
      words[0] = SURVIVOR
      return words
    },
    act: (words, ops) => {
      const turn = new Mutex(agent(VICTIM, ops, () => false), words, 0).enqueue(WAITS_SYNC)
      expect(turn.look()).toBe(false)
      turn.leave()
    },
    survive: (words, died) => {
      new Mutex(agent(SURVIVOR, atomics, () => died), words, 0).release()
      takeOver(words, died)
    },
  })
  expect(points).toBeGreaterThan(15)
})
