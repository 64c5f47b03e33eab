import { sweepCrashes, type ModelOps } from '@multiproc/testing'
import { atomics, type Agent } from '@multiproc/core'
import { expect, it } from 'vitest'
import { formatPermits, PERMITS_BYTES, PermitWords } from '../../src/permit-words.ts'

const VICTIM = 1
const SURVIVOR = 2

function permits(id: number, words: Int32Array, ops: ModelOps, died: boolean): PermitWords {
  const agent: Agent = {
    ops,
    id,
    isDead: (other) => other === VICTIM && died,
    isParked: () => false,
    wake: () => {},
    park: () => {
      throw new Error(`thread ${id} would sleep`)
    },
    nowMs: () => 5,
  }
  return new PermitWords(agent, words, 0, () => [])
}

function prepare(): Int32Array {
  const words = new Int32Array(new SharedArrayBuffer(PERMITS_BYTES))
  formatPermits(words, 0, 2, 0)
  return words
}

it('has all its permits again wherever an owner dies', () => {
  const points = sweepCrashes({
    prepare,
    act: (words, ops) => {
      const mine = permits(VICTIM, words, ops, false)
      mine.take(true)
      mine.take(true)
      mine.giveOwned()
    },
    survive: (words, died) => {
      const survivor = permits(SURVIVOR, words, atomics, died)
      expect(survivor.left()).toBe(died ? 2 : 1)
      expect(survivor.take(true)).toBe(true)
      expect(survivor.take(true)).toBe(died ? true : undefined)
      survivor.giveOwned()
      expect(survivor.left()).toBe(1)
    },
  })
  expect(points).toBeGreaterThan(20)
})

it('has taken a bare permit or has not, wherever its taker dies, and works on', () => {
  const points = sweepCrashes({
    prepare,
    act: (words, ops) => void permits(VICTIM, words, ops, false).take(false),
    survive: (words, died) => {
      const survivor = permits(SURVIVOR, words, atomics, died)
      const left = survivor.left()
      expect([1, 2]).toContain(left)
      for (let i = 0; i < left; i++) expect(survivor.take(false)).toBe(true)
      expect(survivor.take(false)).toBe(undefined)
      survivor.give()
      expect(survivor.left()).toBe(1)
    },
  })
  expect(points).toBeGreaterThan(5)
})
