import { expect, it } from 'vitest'
import { Lines } from '../../src/lines.ts'
import { SETTLED, WAITING } from '../../src/task.ts'
import type { Task } from '../../src/task.ts'
import { WaitingTasks } from '../../src/waiting.ts'

function task(id: number, priority?: number): Task {
  return { id, place: WAITING, options: priority === undefined ? {} : { priority } } as unknown as Task
}
const ids = (tasks: readonly Task[]): number[] => tasks.map(({ id }) => id)

it('gives the higher priority first, then what came back, then what came first', () => {
  const waiting = new WaitingTasks()
  for (const one of [task(1), task(2), task(3, 5), task(4, -1)]) waiting.push(one)
  for (const one of [task(6), task(5)]) waiting.putBack(one)
  expect(waiting.size).toBe(6)
  expect(ids(waiting.takeAll())).toEqual([3, 5, 6, 1, 2, 4])
  expect(waiting.size).toBe(0)
})

it('passes over those that were withdrawn, and clears them away when they are many', () => {
  const waiting = new WaitingTasks()
  const all = Array.from({ length: 5000 }, (_, id) => task(id))
  for (const one of all) waiting.push(one)
  for (const one of all.slice(0, 4990)) {
    one.place = SETTLED
    waiting.withdrawn()
  }
  expect(waiting.size).toBe(10)
  expect(ids(waiting.takeAll())).toEqual([4990, 4991, 4992, 4993, 4994, 4995, 4996, 4997, 4998, 4999])
})

it('keeps tasks of one affinity together, and takes all out, however many wait for one seat', () => {
  const lines = new Lines(2)
  for (let id = 0; id < 300_000; id++) lines.push({ id, place: WAITING, options: { affinity: 'a' } } as unknown as Task)
  lines.push(task(-1))
  expect([lines.any.size, [...lines.pinned.values()].map(({ size }) => size), lines.size]).toEqual([1, [300_000], 300_001])
  expect(lines.takeAll().length).toBe(300_001)
  expect(lines.size).toBe(0)
})
