import { expect, it } from 'vitest'
import { SpinBudget } from '../../../src/parking/spin.ts'

it('spins only for a thread on another core, less after each time in vain, more after each success', () => {
  const budget = new SpinBudget()
  expect(budget.next(false)).toBe(0)
  const first = budget.next(true)
  budget.lost()
  expect(budget.next(true)).toBe(first / 2)
  for (let i = 0; i < 20; i++) budget.lost()
  expect(budget.next(true)).toBeGreaterThan(0)
  for (let i = 0; i < 20; i++) budget.won()
  expect(budget.next(true)).toBe(first)
})
