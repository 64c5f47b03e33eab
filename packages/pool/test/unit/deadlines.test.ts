import type { Thread } from '@multiproc/core'
import { expect, it } from 'vitest'
import { Deadlines } from '../../src/deadlines.ts'

function atTime() {
  const clock = { ms: 0 }
  return { clock, deadlines: new Deadlines({ nowMs: () => clock.ms } as Thread) }
}

it('does what is due in the order of the moments, and nothing that was cancelled', () => {
  const { clock, deadlines } = atTime()
  const done: number[] = []
  const all = [70_000, 10_000, 50_000, 30_000, 10_000].map((ms) => deadlines.add(ms, () => done.push(ms)))
  deadlines.cancel(all[3])
  clock.ms = 50_000
  expect(deadlines.nextMs).toBe(10_000)
  deadlines.runDue()
  expect(done).toEqual([10_000, 10_000, 50_000])
  expect(deadlines.nextMs).toBe(70_000)
  deadlines.cancel(all[0])
  expect(deadlines.nextMs).toBe(Infinity)
})

it('forgets thousands of cancelled ones', () => {
  const { clock, deadlines } = atTime()
  const done: number[] = []
  const all = Array.from({ length: 5000 }, (_, n) => deadlines.add(1000 + ((n * 7919) % 5000), () => done.push(n)))
  for (const [n, one] of all.entries()) if (n % 100 !== 0) deadlines.cancel(one)
  clock.ms = 10_000
  deadlines.runDue()
  expect(done.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, n) => n * 100))
})
