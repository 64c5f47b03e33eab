import { Pool } from '@multiproc/pool'
import { Process } from '@multiproc/process'
import { SharedValue } from '@multiproc/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codeOf, collected, methods, took } from '../support.ts'

const square = (n: number): number => n * n
const multiply = (a: number, b: number): number => a * b
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const fails = (n: number): number => {
  if (n === 3) throw new RangeError(`no ${n}`)
  return n
}
function* failing(items: number): Generator<number> {
  for (let i = 0; i < items; i++) yield i
  throw new SyntaxError('the input fails')
}

describe.each(methods)('by %s', (method) => {
  let pool: Pool
  beforeAll(() => {
    pool = new Pool({ processes: 2, method })
  })
  afterAll(() => pool.terminate())

  it('cpython: _TestPool.test_apply — a function with arguments, and with named ones', async () => {
    expect(await pool.apply(square, [5])).toBe(25)
    expect(await pool.apply((a: number, { b }: { b: number }) => [a, b], [1], { kwargs: { b: 2 } })).toEqual([1, 2])
  })

  it('cpython: _TestPool.test_map — the results in order, whatever the chunks', async () => {
    expect(await pool.map(square, range(10))).toEqual(range(10).map(square))
    expect(await pool.map(square, range(100), { chunkSize: 20 })).toEqual(range(100).map(square))
  })

  it('cpython: _TestPool.test_starmap — each item is a list of arguments', async () => {
    const pairs = range(50).map((i): [number, number] => [i, 2 * i])
    expect(await pool.starmap(multiply, pairs.slice(0, 10))).toEqual(pairs.slice(0, 10).map(([a, b]) => a * b))
    expect(await pool.starmap(multiply, pairs, { chunkSize: 20 })).toEqual(pairs.map(([a, b]) => a * b))
  })

  it('cpython: _TestPool.test_starmap_async — the same, to be asked later', async () => {
    const result = pool.starmapAsync(multiply, [[1, 2], [3, 4]])
    expect(await result.get()).toEqual([2, 12])
  })

  it('cpython: _TestPool.test_map_async — the same, to be asked later', async () => {
    const result = pool.mapAsync(square, range(10))
    expect([await result.wait(), result.ready(), result.successful(), await result.get()]).toEqual([true, true, true, range(10).map(square)])
  })

  it('cpython: _TestPool.test_map_async_callbacks — callback gets the list once, errorCallback the error once', async () => {
    const told: unknown[] = []
    const callbacks = { callback: (value: unknown) => void told.push(value), errorCallback: (error: unknown) => void told.push(error) }
    await pool.applyAsync((n: number) => [n], [1], callbacks)
    await pool.applyAsync(fails, [3], callbacks).catch(() => {})
    expect(told).toEqual([[1], expect.objectContaining({ name: 'RangeError', message: 'no 3' })])
  })

  it('cpython: _TestPool.test_map_unplicklable — an argument that cannot be sent is an error, no hang', async () => {
    expect(await codeOf(() => pool.map((x: unknown) => x, [1, new WeakMap()]))).toBe('ERR_MULTIPROC_NOT_SENDABLE')
    expect(await pool.apply(square, [2])).toBe(4)
  })

  it.each([
    'cpython: _TestPool.test_map_chunksize — no items in chunks of one end at once',
    'cpython: _TestPool.test_empty_iterable — no items give no results, in every form',
  ])('%s', async () => {
    expect([await pool.map(square, [], { chunkSize: 1 }), await pool.map(square, []), await pool.mapAsync(square, []).get()]).toEqual([[], [], []])
    for (const results of [pool.imap(square, []), pool.imapUnordered(square, [])]) {
      expect(await results.next()).toEqual({ done: true, value: undefined })
    }
  })

  it('cpython: _TestPool.test_map_handle_iterable_exception — what the input throws, map throws; the pool goes on', async () => {
    await expect((async () => await pool.map(square, failing(1)))()).rejects.toThrow(SyntaxError)
    await expect((async () => await pool.map(square, failing(10), { chunkSize: 2 }))()).rejects.toThrow('the input fails')
    expect(await pool.map(square, [3])).toEqual([9])
  })

  it('cpython: _TestPool.test_async — get() waits for the result', async () => {
    const slow = (n: number) => new Promise<number>((resolve) => setTimeout(resolve, 50, n * n))
    const result = pool.applyAsync(slow, [7])
    expect([result.ready(), await result.get(), result.ready()]).toEqual([false, 49, true])
  })

  it('cpython: _TestPool.test_async_timeout — get() says that the time was up, not before it was', async () => {
    const result = pool.applyAsync(() => new Promise((resolve) => setTimeout(resolve, 600_000)), [])
    expect(await took(async () => expect(await codeOf(() => result.get({ timeout: 100 }))).toBe('ERR_MULTIPROC_TIMEOUT'))).toBeGreaterThan(90)
    expect([result.cancel(), await codeOf(() => result)]).toEqual([true, 'ABORT_ERR'])
  })

  it('cpython: _TestPool.test_imap — results one by one, in order, in chunks or not', async () => {
    for (const options of [{}, { chunkSize: 100 }]) {
      const squares: number[] = []
      for await (const one of pool.imap(square, range(150), options)) squares.push(one)
      expect(squares).toEqual(range(150).map(square))
    }
    const three = pool.imap(square, range(3))
    expect([(await three.next()).value, (await three.next()).value, (await three.next()).value, (await three.next()).done]).toEqual([0, 1, 4, true])
  })

  it('cpython: _TestPool.test_imap_handle_iterable_exception — what the input throws comes after the results of what it gave', async () => {
    const results = pool.imap(square, failing(5))
    const seen: number[] = []
    await expect((async () => {
      for await (const one of results) seen.push(one)
    })()).rejects.toThrow('the input fails')
    expect(seen).toEqual(range(5).map(square))
  })

  it('cpython: _TestPool.test_imap_unordered — the same results as map, in any order', async () => {
    for (const options of [{}, { chunkSize: 30 }]) {
      const squares: number[] = []
      for await (const one of pool.imapUnordered(square, range(100), options)) squares.push(one)
      expect(squares.sort((a, b) => a - b)).toEqual(range(100).map(square))
    }
  })

  it('cpython: _TestPool.test_imap_unordered_handle_iterable_exception — what the input throws comes out among right results', async () => {
    const right = new Set(range(7).map(square))
    await expect((async () => {
      for await (const one of pool.imapUnordered(square, failing(7))) expect(right.delete(one)).toBe(true)
    })()).rejects.toThrow('the input fails')
  })

  it('cpython: _TestPool.test_traceback — the original error, and where in the worker it was thrown', async () => {
    const error = await pool.apply(fails, [3]).catch((error: unknown) => error as Error)
    expect(error).toBeInstanceOf(RangeError)
    expect(error).toMatchObject({ message: 'no 3' })
    expect((error as Error).stack).toMatch(/at .*fails/)
  })

  it('cpython: _TestPool.test_wrapped_exception — the error is the one that was thrown, not one around it', async () => {
    const error = await pool.apply(() => {
      throw Object.assign(new TypeError('mine'), { extra: [1] })
    }).catch((error: unknown) => error)
    expect(error).toMatchObject({ name: 'TypeError', message: 'mine', extra: [1] })
  })

  it('cpython: _TestPool.test_map_no_failfast — with failFast: false map waits for every chunk before it throws, also with large errors', async () => {
    using done = new SharedValue('int32', 0)
    const task = ([n, done]: [number, SharedValue<'int32'>]): string => {
      if (n === 0) throw new Error('x'.repeat(1 << 20))
      done.add(1)
      return 'y'.repeat(1 << 16)
    }
    await expect((async () => await pool.map(task, range(8).map((n): [number, SharedValue<'int32'>] => [n, done]), { chunkSize: 1, failFast: false }))()).rejects.toThrow('xxx')
    expect(done.value).toBe(7)
  })

  it('cpython: _TestPoolWorkerErrors.test_async_error_callback — errorCallback gets the error, and get() throws it', async () => {
    const told: unknown[] = []
    const result = pool.applyAsync(fails, [3], { errorCallback: (error: unknown) => void told.push(error) })
    expect(await codeOf(() => result.get())).toContain('RangeError')
    expect(told).toMatchObject([{ message: 'no 3' }])
  })

  it('cpython: _TestPoolWorkerErrors.test_unpickleable_result — a result that cannot be sent is that task’s error, twenty times, and costs no worker', async () => {
    const before = await pool.broadcast(() => process.pid)
    for (let i = 0; i < 20; i++) expect(await codeOf(() => pool.apply(() => new WeakMap()))).toBe('ERR_MULTIPROC_ENCODING')
    expect((await pool.broadcast(() => process.pid)).sort()).toEqual(before.sort())
  })

  it('cpython: _TestPool.test_make_pool — none or fewer workers than one are refused; three are three', async () => {
    for (const processes of [0, -1]) expect(await codeOf(() => new Pool(processes))).toBe('ERR_MULTIPROC_ARG_VALUE')
    await using three = new Pool({ processes: 3, method })
    expect((await three.broadcast(() => 1)).length).toBe(3)
  })
})

it('cpython: _TestPool.test_terminate — ends at once with ten thousand slow tasks waiting', async () => {
  const pool = new Pool(2)
  const all = pool.map((n: number) => new Promise((resolve) => setTimeout(resolve, 60_000, n)), range(10_000), { chunkSize: 1 })
  const failed = codeOf(() => all)
  await pool.terminate()
  expect(await failed).not.toBe(undefined)
  expect(await pool.join()).toBe(true)
})

it('cpython: _TestPool.test_context — leaving the block ends the pool; a later submit is refused', async () => {
  let kept: Pool
  {
    await using pool = new Pool(1)
    kept = pool
    expect(await pool.apply(square, [3])).toBe(9)
  }
  expect(await codeOf(() => kept.apply(square, [3]))).toMatch(/CLOSED|SHUT_DOWN/)
})

it('cpython: _TestPool.test_enter — a terminated pool takes no task', async () => {
  const pool = new Pool(1)
  await pool.terminate()
  expect(await codeOf(() => pool.apply(square, [1]))).toMatch(/CLOSED|SHUT_DOWN/)
  expect(await codeOf(() => pool.map(square, [1]))).toMatch(/CLOSED|SHUT_DOWN/)
})

it('cpython: _TestPool.test_release_task_refs — arguments and results are not kept alive', async () => {
  await using pool = new Pool(2)
  const given = range(5).map((n) => ({ n }))
  const refs = given.map((one) => new WeakRef<object>(one))
  const results = await pool.map((one: { n: number }) => ({ square: one.n * one.n }), given)
  refs.push(...results.map((one) => new WeakRef(one)))
  given.length = results.length = 0
  await pool.apply(square, [1])
  for (const ref of refs) await collected('an argument or result', ref)
})

it('cpython: _TestPoolWorkerLifetime.test_pool_worker_lifetime — with ten tasks a worker, a hundred tasks are right and the workers are others', async () => {
  await using pool = new Pool({ processes: 2, maxTasksPerChild: 10 })
  const answers = await pool.map((n: number) => [n * n, process.pid] as const, range(100), { chunkSize: 1 })
  expect(answers.map(([square]) => square)).toEqual(range(100).map(square))
  expect(new Set(answers.map(([, pid]) => pid)).size).toBeGreaterThanOrEqual(10)
})

it('cpython: _TestPoolWorkerLifetime.test_pool_worker_lifetime_early_close — closed before its tasks are done, one for each worker: all results come', async () => {
  const pool = new Pool({ processes: 2, maxTasksPerChild: 1 })
  const results = range(6).map((n) => pool.applyAsync((n: number) => new Promise<number>((resolve) => setTimeout(resolve, 20, n * n)), [n]))
  await pool.close()
  expect(await pool.join()).toBe(true)
  expect(await Promise.all(results.map((result) => result.get()))).toEqual(range(6).map(square))
})

it('cpython: _TestPoolWorkerLifetime.test_pool_maxtasksperchild_invalid — anything but an integer from 1 on is refused', async () => {
  for (const maxTasksPerChild of [0, -1, 0.5, '12']) expect(await codeOf(() => new Pool({ maxTasksPerChild: maxTasksPerChild as number }))).toMatch(/ARG_(VALUE|TYPE)/)
})

it('cpython: TestInitializers.test_pool_initializer — not a function is refused; it runs once in each worker', async () => {
  expect(await codeOf(() => new Pool({ processes: 1, initializer: 1 as never }))).toBe('ERR_MULTIPROC_ARG_TYPE')
  using count = new SharedValue('int32', 0)
  await using pool = new Pool({ processes: 2, initializer: (count: SharedValue<'int32'>) => void count.add(1), initArgs: [count] })
  await pool.broadcast(() => 1)
  await pool.map(square, range(10))
  expect(count.value).toBe(2)
})

it('cpython: TestStdinBadfiledescriptor.test_pool_in_process — a pool made inside a child works', async () => {
  const target = async () => {
    // Not `await using`: it would be sent as what the transformation of this file makes of it.
    const pool = new Pool(2)
    try {
      return await pool.map(square, [1, 2, 3])
    } finally {
      await pool.close()
    }
  }
  expect(await new Process({ target }).start().result()).toEqual([1, 4, 9])
})
