// Pool is the executor, AsyncResult the future; apply is submit, close is shutdown.
import { inspect } from 'node:util'
import { Event } from '@multiproc/lock'
import { Pool } from '@multiproc/pool'
import { SharedValue } from '@multiproc/shared'
import { eventually } from '@multiproc/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codeOf, collected, took } from '../support.ts'

const LOST = 'ERR_MULTIPROC_WORKER_LOST'
const ENDED = /CLOSED|SHUT_DOWN/
const square = (n: number): number => n * n
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const later = (ms: number, value?: unknown) => new Promise<any>((resolve) => setTimeout(resolve, ms, value))
const die = (): void => void process.kill(process.pid, 'SIGKILL')
const fail = (text: string): never => {
  throw new Error(text)
}
const pidOf = () => new Promise<number>((resolve) => setTimeout(resolve, 20, process.pid))

describe('an executor', () => {
  let pool: Pool
  beforeAll(() => {
    pool = new Pool(2)
  })
  afterAll(() => pool.terminate())

  it('cpython: ExecutorTest.test_submit — gives the result', async () => expect(await pool.apply(Math.pow, [2, 8])).toBe(256))

  it('cpython: ExecutorTest.test_submit_keyword — named arguments may have any name', async () => {
    expect(await pool.apply((x: number, rest: object) => ({ x, ...rest }), [1], { kwargs: { self: 2, fn: 3, args: 4 } })).toEqual({ x: 1, self: 2, fn: 3, args: 4 })
  })

  it('cpython: ExecutorTest.test_map — results in order, of several inputs too', async () => {
    const results: number[] = []
    for await (const one of pool.imap(square, range(10))) results.push(one)
    expect(results).toEqual(range(10).map(square))
    expect(await pool.starmap(Math.pow, range(10).map((n): [number, number] => [n, n]))).toEqual(range(10).map((n) => n ** n))
  })

  it('cpython: ExecutorTest.test_map_exception — an error is thrown at its place', async () => {
    const divided = pool.imap(([a, b]: [number, number]) => (b === 0 ? fail('by zero') : a / b), [[4, 2], [9, 3], [1, 0], [8, 4]] as [number, number][])
    expect([(await divided.next()).value, (await divided.next()).value]).toEqual([2, 3])
    await expect(divided.next()).rejects.toThrow('by zero')
    await divided.return?.()
  })

  it('cpython: ExecutorTest.test_map_timeout — what takes longer than the time is a TimeoutError, what came before was given', async () => {
    const results = pool.imap((ms: number) => new Promise<number>((resolve) => setTimeout(resolve, ms, ms)), [0, 0, 4000])
    expect([(await results.next()).value, (await results.next()).value]).toEqual([0, 0])
    expect(await codeOf(() => results.next({ timeout: 100 }))).toBe('ERR_MULTIPROC_TIMEOUT')
    await results.return?.()
  })

  it.each([
    ['cpython: ExecutorTest.test_map_buffersize_type_validation — a bufferSize that is no number is refused', ['1', {}, null]],
    ['cpython: ExecutorTest.test_map_buffersize_value_validation — one below 1 or in between is refused', [0, -1, 1.5]],
  ])('%s', async (_, sizes) => {
    for (const bufferSize of sizes) expect(await codeOf(() => pool.imap(square, [1], { bufferSize: bufferSize as number }).next())).toMatch(/ARG_(TYPE|VALUE)/)
  })

  it('cpython: ExecutorTest.test_map_buffersize — the results are right whatever the size', async () => {
    for (const bufferSize of [1, 2, 7, 10, 30]) {
      const results: number[] = []
      for await (const one of pool.imap(square, range(10), { bufferSize })) results.push(one)
      expect(results).toEqual(range(10).map(square))
    }
  })

  it.each([
    ['cpython: ExecutorTest.test_map_buffersize_on_multiple_iterables — the inputs go side by side', 3],
    ['cpython: ExecutorTest.test_map_buffersize_on_infinite_iterable — an input may be endless', Infinity],
    ['cpython: ExecutorTest.test_map_buffersize_on_multiple_infinite_iterables — several may be', Infinity],
  ])('%s', async (_, length) => {
    let closed = false
    function* pairs(): Generator<[number, number]> {
      try {
        for (let i = 0; i < length; i++) yield [i, 10 * i]
      } finally {
        closed = true
      }
    }
    const sums: number[] = []
    for await (const sum of pool.imap(([a, b]: [number, number]) => a + b, pairs(), { bufferSize: 2 })) {
      sums.push(sum)
      if (sums.length === 3) break
    }
    expect([sums, closed || length === 3]).toEqual([[0, 11, 22], true])
  })

  it.each([
    'cpython: ExecutorTest.test_map_buffersize_on_empty_iterable — no input, no results',
    'cpython: ExecutorTest.test_map_buffersize_without_iterable — nor with no inputs at all',
  ])('%s', async () => {
    expect(await pool.imap(square, [], { bufferSize: 2 }).next()).toEqual({ done: true, value: undefined })
    expect(await pool.starmap(square, [])).toEqual([])
  })

  it('cpython: ExecutorTest.test_map_buffersize_when_buffer_is_full — the input is read no further ahead than bufferSize', async () => {
    let read = 0
    function* input(): Generator<number> {
      for (;;) yield read++
    }
    const results = pool.imap(square, input(), { bufferSize: 4 })
    await results.next()
    await later(100)
    expect(read).toBeLessThanOrEqual(6)
    expect(read).toBeGreaterThanOrEqual(4)
    await results.return?.()
  })

  it('cpython: ExecutorTest.test_no_stale_references — what a finished task was given is let go', async () => {
    const ref = await (async () => {
      const given = { large: 1 }
      await pool.apply((one: object) => Object.keys(one).length, [given])
      return new WeakRef(given)
    })()
    await collected('the argument', ref)
  })

  it('cpython: ExecutorTest.test_max_workers_negative — fewer than one worker is refused', async () => {
    for (const processes of [0, -1]) expect(await codeOf(() => new Pool({ processes }))).toBe('ERR_MULTIPROC_ARG_VALUE')
  })

  it('cpython: ExecutorTest.test_free_reference — results that were given are let go', async () => {
    const results = pool.imap((n: number) => ({ n }), range(5))
    const refs: WeakRef<object>[] = []
    for await (const one of results) refs.push(new WeakRef(one))
    await pool.apply(square, [1])
    for (const ref of refs.slice(0, 4)) await collected('a result', ref)
  })

  it('cpython: ExecutorTest.test_swallows_falsey_exceptions — whatever is thrown is thrown on', async () => {
    for (const thrown of [0, '', null, false]) {
      const outcome = await pool.apply((thrown: unknown) => {
        throw thrown
      }, [thrown]).then(() => 'swallowed', (error: unknown) => (error === thrown ? 'thrown' : (error as Error)?.name))
      expect(outcome).not.toBe('swallowed')
    }
  })

  it('cpython: ProcessPoolExecutorTest.test_map_chunksize — chunks change nothing of the results; none below one', async () => {
    const expected = await pool.map(square, range(20))
    for (const chunkSize of [1, 6, 50]) expect(await pool.map(square, range(20), { chunkSize })).toEqual(expected)
    expect(await codeOf(() => pool.map(square, range(20), { chunkSize: -1 }))).toBe('ERR_MULTIPROC_ARG_VALUE')
  })

  it("cpython: ProcessPoolExecutorTest.test_traceback — the worker's stack is part of the error", async () => {
    const error = await pool.apply(fail, ['from the worker']).then(() => fail('no error'), (error: unknown) => error as Error)
    expect([error.message, /at .*fail/.test(error.stack ?? '')]).toEqual(['from the worker', true])
    expect(inspect(error)).toContain('from the worker')
  })

  it('cpython: ProcessPoolExecutorTest.test_broken_process_pool_traceback — each task that is lost has an error of its own', async () => {
    const errors = await Promise.all([1, 2].map(() => pool.apply(die).then(() => fail('no error'), (error: unknown) => error)))
    expect(errors).toMatchObject([{ code: LOST }, { code: LOST }])
    expect(errors[0]).not.toBe(errors[1])
  })

  it('cpython: ProcessPoolExecutorTest.test_traceback_when_child_process_terminates_abruptly — the error names pid and how it ended', async () => {
    const error: Error = await pool.apply((): void => process.exit(3)).then(() => fail('no error'), (error: unknown) => error as Error)
    expect(error).toMatchObject({ code: LOST })
    expect(error.message).toMatch(/pid \d+/)
    expect(error.message).toMatch(/code 3/)
  })

  it('cpython: ProcessPoolExecutorTest.test_killed_child — only what a killed worker ran is lost; the pool goes on', async () => {
    const [pid] = await pool.broadcast(() => process.pid)
    const others = [1, 2, 3].map((n) => pool.apply((n: number) => new Promise<number>((resolve) => setTimeout(resolve, 100, n)), [n]))
    process.kill(pid!, 'SIGKILL')
    const outcomes = await Promise.allSettled(others)
    expect(outcomes.filter(({ status }) => status === 'rejected').length).toBeLessThanOrEqual(1)
    expect(await pool.apply(square, [4])).toBe(16)
  })

  it.each([
    ['cpython: ExecutorDeadlockTest.test_error_at_task_pickle — an argument that cannot be sent', () => new WeakMap(), [1], /NOT_SENDABLE/],
    ['cpython: ExecutorDeadlockTest.test_error_during_result_pickle_on_worker — a result that cannot be sent', 0, [], /ENCODING/],
    ['cpython: ExecutorDeadlockTest.test_error_during_func_exec_on_worker — an error in the task', fail, ['inside'], /inside/],
    ['cpython: ExecutorDeadlockTest.test_exit_during_func_exec_on_worker — an exit in the task', (): void => process.exit(0), [], /WORKER_LOST/],
    ['cpython: ExecutorDeadlockTest.test_crash_during_func_exec_on_worker — a crash in the task', (): void => process.kill(process.pid, 'SIGSEGV') as never, [], /WORKER_LOST/],
    ['cpython: ExecutorDeadlockTest.test_crash_during_result_pickle_on_worker — a crash while the result is encoded', () => ({ get x() { process.kill(process.pid, 'SIGKILL'); for (;;); } }), [], /WORKER_LOST/],
    ['cpython: ExecutorDeadlockTest.test_exit_during_result_pickle_on_worker — an exit while the result is encoded', () => ({ get x() { return process.exit(1) } }), [], /WORKER_LOST|ENCODING/],
  ] as [string, any, any[], RegExp][])('%s fails that task only', async (_, fn, args, code) => {
    const [task, given] = fn === 0 ? [() => new WeakMap(), []] : /NOT_SENDABLE/.test(String(code)) ? [(x: unknown) => x, [new WeakMap()]] : [fn, args]
    expect(await codeOf(() => pool.apply(task, given))).toMatch(code)
    expect(await pool.apply(square, [3])).toBe(9)
  })

  it('cpython: ExecutorDeadlockTest.test_crash_big_data — a crash while much data is under way fails that task, no other', async () => {
    const big = 'x'.repeat(8 << 20)
    const outcomes = await Promise.allSettled([pool.apply((s: string) => (process.kill(process.pid, 'SIGKILL'), s), [big]), ...range(3).map(() => pool.apply((s: string) => s.length, [big]))])
    expect(outcomes.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.code))).toEqual([LOST, 8 << 20, 8 << 20, 8 << 20])
  })

  it('cpython: ExecutorDeadlockTest.test_gh105829_should_not_deadlock_if_wakeup_pipe_full — ten thousand submissions in one turn all end', async () => {
    const results = await Promise.all(range(10_000).map((n) => pool.apply(square, [n])))
    expect(results.at(-1)).toBe(9999 ** 2)
  })

  it('cpython: WaitTests.test_first_completed — waiting for the first is Promise.race; the others go on', async () => {
    const [slow, fast] = [pool.apply(later, [600_000, 'slow']), pool.apply(later, [0, 'fast'])]
    expect(await Promise.race([slow, fast])).toBe('fast')
    expect([slow.ready(), slow.cancel(), await codeOf(() => slow)]).toEqual([false, true, 'ABORT_ERR'])
  })

  it.each([
    'cpython: WaitTests.test_first_completed_some_already_completed — one that has ended counts',
    'cpython: WaitTests.test_20369 — the same one twice is fine',
  ])('%s', async () => {
    const done = pool.apply(square, [2])
    await done
    const slow = pool.apply(later, [100])
    expect(await Promise.race([slow, done, done])).toBe(4)
    expect(await Promise.all([done, done])).toEqual([4, 4])
    await slow
  })

  it.each([
    ['cpython: WaitTests.test_first_exception — Promise.all ends at the first error', false],
    ['cpython: WaitTests.test_first_exception_some_already_complete — with some that have ended', true],
    ['cpython: WaitTests.test_first_exception_one_already_failed — at once when one has failed', true],
  ])('%s', async (_, before) => {
    const failing = pool.apply(fail, ['first'])
    if (before) await codeOf(() => failing)
    const slow = pool.apply(later, [600_000])
    await expect((async () => await Promise.all([slow, failing]))()).rejects.toThrow('first')
    expect([slow.ready(), slow.cancel(), await codeOf(() => slow)]).toEqual([false, true, 'ABORT_ERR'])
  })

  it('cpython: WaitTests.test_all_completed — Promise.allSettled waits for all', async () => {
    const settled = await Promise.allSettled([pool.apply(square, [2]), pool.apply(fail, ['x'])])
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  })

  it('cpython: WaitTests.test_timeout — after the time, some have ended and some have not', async () => {
    const [fast, slow] = [pool.apply(square, [3]), pool.apply(later, [600_000])]
    await fast
    expect([await slow.wait({ timeout: 50 }), fast.ready(), slow.ready()]).toEqual([false, true, false])
    expect([slow.cancel(), await codeOf(() => slow)]).toEqual([true, 'ABORT_ERR'])
  })

  it('cpython: AsCompletedTests.test_no_timeout — imapUnordered gives each as it ends', async () => {
    using goOn = new Event()
    const order: string[] = []
    for await (const name of pool.imapUnordered(async ([name, goOn]: [string, Event?]) => (await goOn?.wait(), name), [['slow', goOn], ['fast']] as [string, Event?][], { chunkSize: 1 })) {
      order.push(name)
      goOn.set()
    }
    expect(order).toEqual(['fast', 'slow'])
  })

  it('cpython: AsCompletedTests.test_future_times_out — those that ended come first, then the time is up', async () => {
    const results = pool.imapUnordered((ms: number) => new Promise<number>((resolve) => setTimeout(resolve, ms, ms)), [4000, 0], { chunkSize: 1 })
    expect((await results.next()).value).toBe(0)
    expect(await codeOf(() => results.next({ timeout: 50 }))).toBe('ERR_MULTIPROC_TIMEOUT')
    await results.return?.()
  })

  it('cpython: FutureTests.test_done_callback_with_result — then() is called with the value', async () => expect(await pool.apply(square, [5]).then((n) => n + 1)).toBe(26))

  it('cpython: FutureTests.test_done_callback_with_exception — catch() is called with the error', async () => {
    expect(await pool.apply(fail, ['test']).catch((error: unknown) => (error as Error).message)).toBe('test')
  })

  it('cpython: FutureTests.test_done_callback_with_cancel — and when it was cancelled', async () => {
    const busy = [pool.apply(later, [200]), pool.apply(later, [200])]
    const waiting = pool.apply(square, [1])
    const told = codeOf(() => waiting)
    expect([waiting.cancel(), await told]).toEqual([true, 'ABORT_ERR'])
    await Promise.all(busy)
  })

  it.each([
    ['cpython: FutureTests.test_done_callback_already_successful — also once it has ended', square, [2], 'value'],
    ['cpython: FutureTests.test_done_callback_already_failed — also once it has failed', fail, ['x'], 'error'],
  ] as [string, any, any[], string][])('%s', async (_, fn, args, expected) => {
    const result = pool.apply(fn, args)
    await codeOf(() => result)
    expect(await result.then(() => 'value', () => 'error')).toBe(expected)
  })

  it.each([
    'cpython: FutureTests.test_cancel — what runs or waits can be cancelled, what has ended cannot',
    'cpython: FutureTests.test_cancelled — a cancelled one is an AbortError',
  ])('%s', async () => {
    const done = pool.apply(square, [2])
    await done
    expect(done.cancel()).toBe(false)
    const running = pool.apply(later, [60_000])
    const told = codeOf(() => running)
    expect([running.cancel(), await told, await pool.apply(square, [3])]).toEqual([true, 'ABORT_ERR', 9])
  })

  it.each([
    'cpython: FutureTests.test_done — ready() is false, then true',
    'cpython: FutureTests.test_result_with_success — who waits gets the value',
    'cpython: FutureTests.test_result_with_timeout — get() says that the time was up, or gives the value',
  ])('%s', async () => {
    const result = pool.apply(later, [1000, 42])
    expect(result.ready()).toBe(false)
    expect(await took(async () => expect(await codeOf(() => result.get({ timeout: 50 }))).toBe('ERR_MULTIPROC_TIMEOUT'))).toBeGreaterThan(40)
    expect([await result.get({ timeout: 60_000 }), result.ready(), result.successful()]).toEqual([42, true, true])
  })

  it.each([
    'cpython: FutureTests.test_exception_with_timeout — get() throws what the task threw, and successful() is false',
    'cpython: FutureTests.test_exception_with_success — who waits gets the error',
  ])('%s', async () => {
    const result = pool.apply(fail, ['the error'])
    await expect(result.get({ timeout: 60_000 })).rejects.toThrow('the error')
    expect([result.ready(), result.successful()]).toEqual([true, false])
  })

  it('cpython: FutureTests.test_result_with_cancel — who waits is told that it was cancelled', async () => {
    const result = pool.apply(later, [60_000])
    const told = codeOf(() => result.get())
    result.cancel()
    expect(await told).toBe('ABORT_ERR')
  })
})

it('cpython: ProcessPoolExecutorTest.test_idle_process_reuse_one — tasks one after the other run in one worker', async () => {
  await using pool = new Pool(1)
  const pids = new Set<number>()
  for (let i = 0; i < 3; i++) pids.add(await pool.apply(() => process.pid))
  expect(pids.size).toBe(1)
})

it.each([
  'cpython: ProcessPoolExecutorTest.test_saturation — many blocked tasks need no more processes than there are',
  'cpython: ProcessPoolExecutorTest.test_idle_process_reuse_multiple — nor do tasks that come and go',
])('%s', async () => {
  await using pool = new Pool(2)
  expect(new Set(await pool.map(pidOf, range(12), { chunkSize: 1 })).size).toBeLessThanOrEqual(2)
})

it('cpython: ProcessPoolExecutorTest.test_max_tasks_per_child — three tasks in one worker, the fourth in the next', async () => {
  await using pool = new Pool({ processes: 1, maxTasksPerChild: 3 })
  const pids: number[] = []
  for (let i = 0; i < 4; i++) pids.push(await pool.apply(() => process.pid))
  expect(new Set(pids.slice(0, 3)).size).toBe(1)
  expect(pids[3]).not.toBe(pids[0])
})

it.each([
  ['cpython: ProcessPoolExecutorTest.test_max_tasks_per_child_pending_tasks_gh115634 — what waits goes on after a worker retired', 4, 2],
  ['cpython: ProcessPoolExecutorTest.test_shutdown_no_wait_max_tasks_gh119592 — also when the pool was closed meanwhile', 4, 1],
  ['cpython: ProcessPoolExecutorTest.test_max_tasks_early_shutdown — and when it is closed before anybody retires', 3, 10],
  ['cpython: ProcessPoolShutdownTest.test_shutdown_no_wait — closed without waiting: all results come, all workers end', 3, undefined],
] as [string, number, number | undefined][])('%s', async (_, tasks, maxTasksPerChild) => {
  const pool = new Pool({ processes: 1, ...(maxTasksPerChild && { maxTasksPerChild }) })
  const results = range(tasks).map((n) => pool.apply(square, [n]))
  void pool.close()
  expect(await Promise.all(results)).toEqual(range(tasks).map(square))
  expect(await pool.join()).toBe(true)
})

it.each([
  ['cpython: ProcessPoolShutdownTest.test_shutdown_gh_132969_case_1 — one task a worker, one of them failing, two workers: closes', 2],
  ['cpython: ProcessPoolShutdownTest.test_shutdown_gh_132969_case_2 — the same with more workers', 3],
])('%s', async (_, processes) => {
  const pool = new Pool({ processes, maxTasksPerChild: 1 })
  const outcomes = Promise.allSettled([pool.apply(square, [1]), pool.apply(fail, ['x']), pool.apply(square, [2])])
  void pool.close()
  expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(await pool.join()).toBe(true)
})

it.each([
  'cpython: ProcessPoolExecutorTest.test_kill_workers — terminate() ends the workers with their tasks',
  'cpython: ProcessPoolExecutorTest.test_force_shutdown_workers — a task that runs never ends',
  'cpython: ProcessPoolExecutorTest.test_force_shutdown_workers_stops_pool — and later ones are refused',
])('%s', async () => {
  const pool = new Pool(1)
  using state = new SharedValue('int32', 0)
  const task = codeOf(() => pool.apply(async (state: SharedValue<'int32'>) => {
    state.value = 1
    await new Promise((resolve) => setTimeout(resolve, 60_000))
    state.value = 2
  }, [state]))
  await eventually('the task runs', () => state.value === 1)
  await pool.terminate()
  expect(await task).toMatch(/ABORT|CLOSED|SHUT_DOWN|WORKER_LOST/)
  expect([state.value, await codeOf(() => pool.apply(square, [1]))]).toEqual([1, expect.stringMatching(ENDED)])
})

it('cpython: ProcessPoolExecutorTest.test_force_shutdown_workers_not_started_yet — before any task, and twice', async () => {
  const pool = new Pool(1)
  await pool.terminate()
  await pool.terminate()
  expect(await pool.join()).toBe(true)
})

it('cpython: ProcessPoolExecutorTest.test_force_shutdown_workers_dead_workers — right after a worker died', async () => {
  const pool = new Pool(1)
  expect(await codeOf(() => pool.apply(die))).toBe(LOST)
  await pool.terminate()
  expect(await pool.join()).toBe(true)
})

it.each([
  'cpython: ExecutorTest.test_shutdown_race_issue12456 — closed right after a map was begun',
  'cpython: ExecutorShutdownTest.test_hang_issue12364 — or after fifty submissions: all results come',
  'cpython: ProcessPoolShutdownTest.test_context_manager_shutdown — leaving the block waits for them',
  'cpython: ExecutorShutdownTest.test_run_after_shutdown — nothing can be submitted afterwards',
])('%s', async () => {
  let results: Promise<number[]>
  let kept: Pool
  {
    await using pool = new Pool(2)
    kept = pool
    results = Promise.all(range(50).map((n) => pool.apply(square, [n])))
  }
  expect(await results).toEqual(range(50).map(square))
  expect(await codeOf(() => kept.apply(square, [1]))).toMatch(ENDED)
})

it('cpython: ExecutorShutdownTest.test_hang_gh94440 — submitted, cancelled at once, closed: returns', async () => {
  const pool = new Pool(1)
  await pool.apply(square, [1])
  const result = pool.apply(square, [2])
  const told = codeOf(() => result)
  result.cancel()
  await pool.close()
  expect([await told, await pool.join()]).toEqual(['ABORT_ERR', true])
})

it('cpython: ExecutorShutdownTest.test_cancel_futures — terminate() drops what waits, and nothing hangs', async () => {
  const pool = new Pool(2)
  const results = Promise.allSettled(range(50).map(() => pool.apply(later, [1000])))
  await later(100)
  await pool.terminate()
  const outcomes = await results
  expect(outcomes.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(20)
})

it.each([
  ['cpython: ExecutorDeadlockTest.test_shutdown_deadlock — a worker that dies after close(): that task fails, the close ends', () => process.kill(process.pid, 'SIGKILL'), LOST],
  ['cpython: ExecutorDeadlockTest.test_shutdown_deadlock_pickle — so does a task that cannot be sent', undefined, 'ERR_MULTIPROC_NOT_SENDABLE'],
] as [string, (() => void) | undefined, string][])('%s', async (_, fn, code) => {
  const pool = new Pool(1)
  const outcome = codeOf(() => (fn ? pool.apply(fn) : pool.apply((x: unknown) => x, [new WeakMap()])))
  await pool.close()
  expect([await outcome, await pool.join()]).toEqual([code, true])
})

it('cpython: InitializerMixin.test_initializer — it ran in every worker', async () => {
  await using pool = new Pool({ processes: 2, initializer: (text: string) => void Object.assign(globalThis, { initialized: text }), initArgs: ['yes'] })
  expect(await pool.broadcast(() => (globalThis as { initialized?: string }).initialized)).toEqual(['yes', 'yes'])
})

it('cpython: FailingInitializerMixin.test_initializer — one that fails ends the pool, for what waits and what comes', async () => {
  const pool = new Pool({ processes: 2, initializer: fail, initArgs: ['in the initializer'] })
  const outcome = await pool.apply(square, [1]).then(() => fail('no error'), (error: unknown) => error as Error)
  expect(inspect(outcome, { depth: 5 })).toContain('in the initializer')
  expect(await codeOf(() => pool.apply(square, [2]))).not.toBe(undefined)
  await pool.terminate()
})
