import { expect, it } from 'vitest'
import { ResultStream } from '../../src/iterate.ts'
import type { StreamPool } from '../../src/iterate.ts'
import type { Task } from '../../src/task.ts'

/** A pool whose tasks end when the test says so. */
function fakePool() {
  const tasks: { items: readonly unknown[]; resolve(values: readonly unknown[]): void; reject(error: unknown): void }[] = []
  const told: string[] = []
  const pool: StreamPool = {
    submit: (items, _index, outcome) => {
      const task = {
        items,
        resolve: (values: readonly unknown[]) => outcome.fulfilled(values, { microseconds: 1 } as Task),
        reject: (error: unknown) => outcome.refused(error, {} as Task),
      }
      tasks.push(task)
      return task as unknown as Task
    },
    unpack: (values) => (values as unknown[]).map((value) => ({ status: 'fulfilled', value })),
    withdraw: (some) => void told.push(`withdraw ${some.length}`),
    readAll: () => void told.push('readAll'),
    over: () => void told.push('over'),
  }
  return { pool, tasks, told }
}

const settings = { call: 'pool.imap()', chunkSize: 2, bufferSize: 4, isOrdered: true, isSettled: false, workers: 2, onProgress: undefined }

it('reads on only when results were taken, and keeps the order however tasks end', async () => {
  const { pool, tasks, told } = fakePool()
  const stream = new ResultStream(pool, [1, 2, 3, 4, 5][Symbol.iterator](), settings)
  expect(tasks.map(({ items }) => items)).toEqual([[1, 2], [3, 4]])
  const first = stream.next()
  tasks[1]!.resolve(['c', 'd'])
  tasks[0]!.resolve(['a', 'b'])
  expect(await first).toEqual({ done: false, value: 'a' })
  expect(tasks.length).toBe(2)
  expect([await stream.next(), await stream.next()].map(({ value }) => value)).toEqual(['b', 'c'])
  expect(tasks[2]!.items).toEqual([5])
  tasks[2]!.resolve(['e'])
  expect([await stream.next(), await stream.next(), await stream.next()].map(({ value }) => value)).toEqual(['d', 'e', undefined])
  expect(told).toEqual(['readAll', 'over'])
})

it('takes nothing when a wait for the next result ends early', async () => {
  const { pool, tasks } = fakePool()
  const stream = new ResultStream(pool, [1, 2][Symbol.iterator](), settings)
  await expect(stream.next({ timeout: 0 })).rejects.toMatchObject({ code: 'ERR_MULTIPROC_TIMEOUT' })
  tasks[0]!.resolve(['a', 'b'])
  expect(await stream.next({ timeout: 0 })).toEqual({ done: false, value: 'a' })
})

it('withdraws what runs and ends all readers when it is left', async () => {
  const { pool, told } = fakePool()
  const stream = new ResultStream(pool, [1, 2, 3][Symbol.iterator](), { ...settings, isOrdered: false })
  const reader = stream.next()
  await stream.return()
  expect(await reader).toEqual({ done: true, value: undefined })
  expect(told).toEqual(['readAll', 'withdraw 2', 'over'])
})
