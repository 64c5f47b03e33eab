import { expect, it } from 'vitest'
import { AnyTurn } from '../../src/parking/any-turn.ts'
import type { Turn } from '../../src/parking/turn.ts'

function turn(state: { ready: boolean; left: number }, watched: number[] = [], untilMs = Infinity): Turn {
  return { watched, untilMs, look: () => state.ready, leave: () => void state.left++, pass: () => {} }
}

it('is done when one of its turns is, tells which, and leaves all lines', () => {
  const states = [1, 2, 3].map(() => ({ ready: false, left: 0 }))
  const any = new AnyTurn(states.map((state, i) => turn(state, [i, 7], 10 - i)))
  expect(any.look()).toBe(false)
  expect(any.watched).toEqual([0, 7, 1, 2])
  expect(any.untilMs).toBe(8)
  states[2]!.ready = states[0]!.ready = true
  expect(any.look()).toBe(true)
  expect(any.ready).toEqual([0, 2])
  expect(states.map(({ left }) => left)).toEqual([1, 1, 1])
})
