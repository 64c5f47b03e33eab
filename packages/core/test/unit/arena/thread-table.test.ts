import { expect, it } from 'vitest'
import { atomics } from '../../../src/arena/atomics.ts'
import { T_GEN, T_LIFE, T_TID, ThreadTable, type Claimer } from '../../../src/arena/thread-table.ts'
import { OWNER_DIED } from '../../../src/os/contract.ts'
import { Crash, crashingOps, sweepCrashes } from '@multiproc/testing'

const SLOTS = 4
const BASE = 16

function tableOf(words = new Int32Array(new SharedArrayBuffer((BASE + SLOTS * 16) * 4)), ops = atomics): ThreadTable {
  return new ThreadTable(ops, words, BASE, 0, SLOTS)
}

function claimer(tid: number, deadTids: number[] = []): Claimer {
  return { tid, pid: tid, start: 1, guardLife: () => {}, isTaskDead: (task) => deadTids.includes(task), wakeAll: () => {} }
}

function kill(table: ThreadTable, id: number): void {
  table.ops.or(table.words, table.at(id, T_LIFE), OWNER_DIED)
}

it('gives each thread an id of its own and none to more threads than slots', () => {
  const table = tableOf()
  const ids = [1, 2, 3].map((tid) => table.claim(claimer(tid)))
  expect(new Set(ids).size).toBe(3)
  expect(ids).not.toContain(0)
  expect(table.claim(claimer(4))).toBe(0)
  expect(table.living().sort()).toEqual(ids.sort())
})

it('gives the slot of a dead thread away under another id, and the old id stays dead', () => {
  const table = tableOf()
  const [first] = [1, 2, 3].map((tid) => table.claim(claimer(tid)))
  expect(table.isDead(first!)).toBe(false)
  kill(table, first!)
  expect(table.isDead(first!)).toBe(true)
  const next = table.claim(claimer(4))
  expect(next).not.toBe(first)
  expect(next & 0xfff).toBe(first! & 0xfff)
  expect(table.isDead(next)).toBe(false)
  expect(table.isDead(first!)).toBe(true)
})

it('never gives an id twice: a slot whose generations are used up is retired', () => {
  const table = tableOf()
  const id = table.claim(claimer(1))
  table.claim(claimer(2))
  table.claim(claimer(3))
  kill(table, id)
  table.ops.store(table.words, table.at(id, T_GEN), 0x7fff)
  expect(table.claim(claimer(4))).toBe(0)
  expect(table.claim(claimer(5))).toBe(0)
  expect(table.living()).toHaveLength(2)
})

it('leaves a slot alone whose thread lives again under the tid of the dead one', () => {
  const words = new Int32Array(new SharedArrayBuffer((BASE + SLOTS * 16) * 4))
  const table = tableOf(words)
  const id = table.claim(claimer(7))
  kill(table, id)
  // Between the look at LIFE and the CAS on TID a new thread with the same tid claims the slot.
  let disturbed = false
  const ops = {
    ...atomics,
    load: (memory: Int32Array, index: number) => {
      const value = atomics.load(memory, index)
      if (!disturbed && index === table.at(id, T_LIFE)) {
        disturbed = true
        for (let i = 0; i < SLOTS - 2; i++) atomics.add(words, 0, 1)
        table.claim(claimer(7))
      }
      return value
    },
  }
  atomics.store(words, 0, 0)
  const other = tableOf(words, ops).claim(claimer(8))
  const living = table.living()
  expect(disturbed).toBe(true)
  expect(living).toHaveLength(2)
  expect(living).toContain(other)
})

it('is repaired by the next claimer when a claimer dies at any step', () => {
  const points = sweepCrashes({
    prepare: () => {
      const table = tableOf()
      const ids = [1, 2, 3].map((tid) => table.claim(claimer(tid)))
      kill(table, ids[0]!)
      return { table, ids }
    },
    act: ({ table }, ops) => void new ThreadTable(ops, table.words, BASE, 0, SLOTS).claim(claimer(4)),
    survive: ({ table, ids }, died) => {
      if (died) {
        // What the system does when the thread with tid 4 ends: it marks the word that the thread guarded.
        for (let slot = 1; slot < SLOTS; slot++) {
          const life = table.at(slot, T_LIFE)
          const word = atomics.load(table.words, life)
          if ((word & 0x3fff_ffff) === 4) atomics.store(table.words, life, OWNER_DIED | 0x8000_0000)
        }
      }
      expect(table.isDead(ids[0]!)).toBe(true)
      expect(table.isDead(ids[1]!)).toBe(false)
      const next = table.claim(claimer(5, [4]))
      expect(next === 0).toBe(!died)
      if (died) {
        expect(table.isDead(next)).toBe(false)
        expect(next & 0xfff).toBe(ids[0]! & 0xfff)
        expect(atomics.load(table.words, table.at(next, T_TID))).toBe(5)
      }
    },
  })
  expect(points).toBeGreaterThan(15)
  expect(() => crashingOps(0).load(new Int32Array(1), 0)).toThrow(Crash)
})
