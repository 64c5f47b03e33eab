import { Event } from '@multiproc/lock'
import { Process } from '@multiproc/process'
import { JoinableQueue, Queue, SimpleQueue } from '@multiproc/queue'
import { describe, expect, it } from 'vitest'
import { codeOf, ended, methods, took } from '../support.ts'

const FULL = 'ERR_MULTIPROC_FULL'
const EMPTY = 'ERR_MULTIPROC_EMPTY'

describe.each(methods)('by %s', (method) => {
  it('cpython: _TestQueue.test_put — six ways to put into a bounded queue; Full at once, and after its time; empty once a child has taken all', async () => {
    using queue = new Queue<number>(6)
    using taken = new Event()
    const take = async (queue: Queue<number>, taken: Event) => {
      const got = await queue.getMany(6)
      while (got.length < 6) got.push(await queue.get())
      taken.set()
      return got
    }
    expect([queue.empty(), queue.full()]).toEqual([true, false])
    await queue.put(1)
    await queue.put(2, { timeout: 1000 })
    await queue.put(3, { signal: new AbortController().signal })
    queue.putSync(4)
    queue.putSync(5, { timeout: 1000 })
    queue.putNowait(6)
    expect([queue.empty(), queue.full(), queue.qsize()]).toEqual([false, true, 6])
    expect(await codeOf(() => queue.putNowait(7))).toBe(FULL)
    expect(await codeOf(() => queue.put(7, { timeout: 0 }))).toBe(FULL)
    expect(await took(async () => expect(await codeOf(() => queue.put(7, { timeout: 100 }))).toBe(FULL))).toBeGreaterThan(90)
    expect(await took(async () => expect(await codeOf(() => queue.putSync(7, { timeout: 100 }))).toBe(FULL))).toBeGreaterThan(90)
    const child = new Process({ target: take, args: [queue, taken], method }).start()
    await taken.wait()
    expect([queue.empty(), queue.full(), await child.result()]).toEqual([true, false, [1, 2, 3, 4, 5, 6]])
  })

  it('cpython: _TestQueue.test_get — every way to get gives the items in order; Empty at once, and after its time', async () => {
    using queue = new Queue<number>()
    using put = new Event()
    const give = async (queue: Queue<number>, put: Event) => {
      for (const n of [2, 3, 4, 5]) await queue.put(n)
      put.set()
    }
    expect(queue.empty()).toBe(true)
    const child = new Process({ target: give, args: [queue, put], method }).start()
    await put.wait()
    expect([queue.empty(), queue.qsize()]).toEqual([false, 4])
    expect([await queue.get(), await queue.get({ timeout: 1000 }), queue.getSync(), queue.getNowait()]).toEqual([2, 3, 4, 5])
    expect(queue.empty()).toBe(true)
    expect(await codeOf(() => queue.getNowait())).toBe(EMPTY)
    expect(await codeOf(() => queue.get({ timeout: 0 }))).toBe(EMPTY)
    expect(await took(async () => expect(await codeOf(() => queue.getSync({ timeout: 100 }))).toBe(EMPTY))).toBeGreaterThan(90)
    await ended([child])
  })

  it('cpython: _TestQueue.test_fork — a child may put although its parent has put before', async () => {
    using queue = new Queue<number>()
    for (let i = 0; i < 10; i++) await queue.put(i)
    const more = async (queue: Queue<number>) => {
      for (let i = 10; i < 20; i++) await queue.put(i)
    }
    await new Process({ target: more, args: [queue], method }).start().join()
    const got: number[] = []
    while (!queue.empty()) got.push(queue.getNowait())
    expect(got).toEqual(Array.from({ length: 20 }, (_, i) => i))
  })

  it('cpython: _TestQueue.test_task_done — join() returns when the workers have done what was put', async () => {
    using queue = new JoinableQueue<number | null>()
    const work = async (queue: JoinableQueue<number | null>) => {
      let done = 0
      for (let item = await queue.get(); item !== null; item = await queue.get()) {
        done++
        queue.taskDone()
      }
      queue.taskDone()
      return done
    }
    const workers = Array.from({ length: 4 }, () => new Process({ target: work, args: [queue], method }).start())
    for (let i = 0; i < 10; i++) await queue.put(i)
    expect(await queue.join()).toBe(true)
    for (const _ of workers) await queue.put(null)
    expect(await queue.join()).toBe(true)
    const done = await Promise.all(workers.map((worker) => worker.result()))
    expect(done.reduce((a, b) => a + b)).toBe(10)
    expect(await codeOf(() => queue.taskDone())).not.toBe(undefined)
  })

  it('cpython: TestSimpleQueue.test_empty — both processes see whether it is empty', async () => {
    using queue = new SimpleQueue<unknown>()
    using goOn = new Event()
    using put = new Event()
    const target = async (queue: SimpleQueue<unknown>, goOn: Event, put: Event) => {
      await goOn.wait()
      const before = queue.empty()
      await queue.put([before, 'one'])
      put.set()
    }
    const child = new Process({ target, args: [queue, goOn, put], method }).start()
    expect(queue.empty()).toBe(true)
    goOn.set()
    await put.wait()
    expect(queue.empty()).toBe(false)
    expect([await queue.get(), queue.empty()]).toEqual([[true, 'one'], true])
    await ended([child])
  })
})

it('cpython: _TestQueue.test_qsize — follows each put and get', async () => {
  using queue = new Queue<number>()
  const sizes = [queue.qsize()]
  for (const step of [() => queue.put(1), () => queue.put(5), () => queue.get(), () => queue.get()]) {
    await step()
    sizes.push(queue.qsize())
  }
  expect(sizes).toEqual([0, 1, 2, 1, 0])
})

it('cpython: _TestQueue.test_timeout — an empty queue says so not before the time is up', async () => {
  using queue = new Queue()
  expect(await took(async () => expect(await codeOf(() => queue.get({ timeout: 200 }))).toBe(EMPTY))).toBeGreaterThan(190)
  expect(await took(async () => expect(await codeOf(() => queue.getSync({ timeout: 200 }))).toBe(EMPTY))).toBeGreaterThan(190)
})

it('cpython: _TestQueue.test_queue_feeder_donot_stop_onexc — an item that cannot be sent fails its own put, and takes no room', async () => {
  using queue = new Queue<unknown>(1)
  expect(await codeOf(() => queue.put(new WeakMap()))).toBe('ERR_MULTIPROC_NOT_SENDABLE')
  expect(queue.qsize()).toBe(0)
  queue.putNowait(true)
  expect([queue.qsize(), await queue.get()]).toEqual([1, true])
})

it('cpython: _TestQueue.test_queue_feeder_on_queue_feeder_error — its put throws, naming what could not be sent; the queue goes on', async () => {
  using queue = new Queue<unknown>()
  await expect(queue.put({ list: [1, new WeakMap()] })).rejects.toThrow('list[1]')
  await queue.put('next')
  expect([await queue.get(), queue.empty()]).toEqual(['next', true])
})

it.each([
  ['cpython: _TestQueue.test_closed_queue_empty_exceptions — empty() of a closed queue is refused, used before or not', (queue: Queue<number>) => queue.empty()],
  ['cpython: _TestQueue.test_closed_queue_put_get_exceptions — putting into a closed queue is refused', (queue: Queue<number>) => queue.put(1)],
  ['as is getting from it', (queue: Queue<number>) => queue.get()],
])('%s', async (_, use) => {
  const unused = new Queue<number>()
  unused.close()
  const used = new Queue<number>()
  await used.put(0)
  used.close()
  expect([await codeOf(() => use(unused)), await codeOf(() => use(used))]).toEqual(['ERR_MULTIPROC_CLOSED', 'ERR_MULTIPROC_CLOSED'])
})

it.each([
  'cpython: TestSimpleQueue.test_close — closing twice is harmless',
  'cpython: TestSimpleQueue.test_closed — says that it is closed, and refuses all',
  'cpython: TestSimpleQueue.test_empty_exceptions — empty() after close() is refused',
])('%s', async () => {
  const queue = new SimpleQueue<number>()
  expect(queue.closed).toBe(false)
  queue.close()
  queue.close()
  expect(queue.closed).toBe(true)
  for (const use of [() => queue.empty(), () => queue.put(1), () => queue.get(), () => queue.getSync()]) expect(await codeOf(use)).toBe('ERR_MULTIPROC_CLOSED')
})
