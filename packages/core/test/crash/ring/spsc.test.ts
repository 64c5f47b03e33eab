import { sweepCrashes } from '@multiproc/testing'
import { expect, it } from 'vitest'
import { Ring } from '../../../src/ring/spsc.ts'
import { loneAgent, pop, record, ringAt, ringMemory } from '../../unit/ring/memory.ts'

function prepared() {
  const memory = ringMemory(128)
  const ring = ringAt(30, 128, memory) // the second record needs a PAD in front of it
  ring.tryPush(record(4, 1), 4, 0)
  return memory
}

it('leaves a whole record or nothing when the producer dies at any step, and the next producer goes on', () => {
  const points = sweepCrashes({
    prepare: prepared,
    act: ({ words, bytes }, ops) => void new Ring(loneAgent(ops), words, bytes, 0).tryPush(record(20, 2), 20, 0),
    survive: ({ words, bytes }, died) => {
      const ring = new Ring(loneAgent(), words, bytes, 0)
      expect(ring.tryPush(record(12, 3), 12, 0)).toBe(true)
      expect(pop(ring)!.payload).toEqual(record(4, 1))
      if (!died) expect(pop(ring)!.payload).toEqual(record(20, 2))
      expect(pop(ring)!.payload).toEqual(record(12, 3))
      expect(ring.isEmpty).toBe(true)
    },
  })
  expect(points).toBeGreaterThanOrEqual(5)
})

it('leaves the record to the next consumer when one dies before it released it', () => {
  const points = sweepCrashes({
    prepare: prepared,
    act: ({ words, bytes }, ops) => void pop(new Ring(loneAgent(ops), words, bytes, 0)),
    survive: ({ words, bytes }, died) => {
      const ring = new Ring(loneAgent(), words, bytes, 0)
      expect(ring.tryPush(record(12, 3), 12, 0)).toBe(true)
      if (died) expect(pop(ring)!.payload).toEqual(record(4, 1))
      expect(pop(ring)!.payload).toEqual(record(12, 3))
      expect(pop(ring)).toBeUndefined()
    },
  })
  expect(points).toBeGreaterThanOrEqual(5)
})
