import fc from 'fast-check'
import { expect, it } from 'vitest'
import { pop, record, ringAt } from '../../unit/ring/memory.ts'

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ push: fc.nat(70), flags: fc.constantFrom(0, 1, 4, 5) }) },
  { weight: 2, arbitrary: fc.constant('pop' as const) },
)

it('does what an array does, for any pushes and pops, at any position', () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(32, 64, 128, 256), fc.array(step, { maxLength: 200 }), (position, capacity, steps) => {
      const ring = ringAt(position | 0, capacity)
      const model: { payload: Uint8Array; flags: number }[] = []
      let seed = 0
      for (const step of steps) {
        if (step === 'pop') {
          expect(pop(ring)).toEqual(model.shift())
          continue
        }
        const length = Math.min(step.push, ring.longestPayload)
        const payload = record(length, seed++)
        const fits = ring.hasRoom(length, step.flags)
        expect(ring.tryPush(payload, length, step.flags)).toBe(fits)
        if (fits) model.push({ payload, flags: step.flags })
        else expect(model.length).toBeGreaterThan(0) // an empty ring takes everything
        expect(ring.isEmpty).toBe(model.length === 0)
      }
      for (const left of model) expect(pop(ring)).toEqual(left)
      expect(pop(ring)).toBeUndefined()
    }),
    { numRuns: 500 },
  )
})
