import { expect, it } from 'vitest'
import { isConstant, serializeFunction } from '../../src/index.ts'

const limit = 3
const twice = (n: number): number => n * 2
let changes = 1
const list = [1]

function sent<F extends Function>(fn: F): F {
  serializeFunction(fn)
  return fn
}

it('takes a function for constant once it was sent, if nothing it captures can change', () => {
  const fn = (n: number): number => twice(n) + limit
  expect(isConstant(fn)).toBe(false)
  expect(isConstant(sent(fn))).toBe(true)
  expect(isConstant(sent((n: number): number => (n > 0 ? fn(n - 1) : limit)))).toBe(true)
  expect(isConstant(sent(Math.max))).toBe(true)
})

it('does not take one for constant that captures a reassigned variable or an object, or has properties of its own', () => {
  const bump = (): number => ++changes
  expect(isConstant(sent(bump))).toBe(false)
  expect(isConstant(sent(() => changes))).toBe(false)
  expect(isConstant(sent(() => list.length))).toBe(false)
  expect(isConstant(sent(() => bump()))).toBe(false)
  expect(isConstant(sent(Object.assign(() => limit, { note: 1 })))).toBe(false)
})

it('gives bytes that the next message does not write over', () => {
  const first = serializeFunction(() => limit)
  const copy = Uint8Array.from(first)
  serializeFunction(() => limit + 1)
  expect(first).toEqual(copy)
})
