import { expect, it } from 'vitest'
import { RestartBudget } from '../../src/restart.ts'
import { Attempts } from '../../src/retry.ts'

it('gives up when workers end in a row before they did anything, and only then', () => {
  const budget = new RestartBudget(1)
  expect([1, 2, 3].map(() => budget.failed(0))).toEqual([false, false, false])
  budget.succeeded()
  expect([1, 2, 3, 4].map(() => budget.failed(5))).toEqual([false, false, false, true])
})

it('does not count a worker that stood ready for long before it ended', () => {
  const budget = new RestartBudget(1)
  expect(Array.from({ length: 20 }, () => budget.failed(20_000)).includes(true)).toBe(false)
})

it('tries again after a crash only, unless told otherwise', () => {
  const plain = new Attempts(2)
  expect([plain.another(0, false), plain.another(0, true), plain.another(0, true), plain.another(0, true)]).toEqual([false, true, true, false])
  expect(new Attempts({ attempts: 2, on: 'error' }).another(0, false)).toBe(true)
  expect(new Attempts({ attempts: 1, on: 'error' }).another(0, false)).toBe(false)
  expect(new Attempts({ attempts: 9, on: (error, attempt) => error === 'again' && attempt < 2 }).another('again', false)).toBe(true)
})
