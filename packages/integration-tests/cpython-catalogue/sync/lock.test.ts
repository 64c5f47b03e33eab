import { BoundedSemaphore, Event, Lock, RLock, Semaphore } from '@multiproc/lock'
import { Process } from '@multiproc/process'
import { Queue } from '@multiproc/queue'
import { describe, expect, it } from 'vitest'
import { codeOf, methods, took } from '../support.ts'

describe.each(methods)('by %s', (method) => {
  it.each([
    ['cpython: _TestLock.test_lock_locked_2processes — both processes see that the child holds the lock', Lock],
    ['cpython: _TestLock.test_rlock_locked_2processes — both processes see that the child holds the re-entrant lock', RLock],
  ])('%s', async (_, Kind) => {
    using lock = new Kind()
    using held = new Event()
    using goOn = new Event()
    const hold = (lock: Lock, held: Event, goOn: Event): boolean[] => {
      lock.acquireSync()
      held.set()
      const seen = [lock.locked()]
      goOn.waitSync()
      lock.release()
      return seen
    }
    const child = new Process({ target: hold, args: [lock, held, goOn], method }).start()
    await held.wait()
    expect([lock.locked(), lock.tryAcquire()]).toEqual([true, false])
    expect(await codeOf(() => lock.release())).toBe('ERR_MULTIPROC_NOT_OWNER')
    goOn.set()
    expect(await child.result()).toEqual([true])
    expect([lock.locked(), lock.tryAcquire()]).toEqual([false, true])
    lock.release()
  })

  it('cpython: _TestSemaphore.test_semaphore — counts down to 0 in two processes, and up above where it began', async () => {
    using semaphore = new Semaphore(2)
    using queue = new Queue<number>()
    expect([await semaphore.acquire(), semaphore.getValue()]).toEqual([true, 1])
    const take = (semaphore: Semaphore, queue: Queue<number>): boolean => (queue.putSync(Number(semaphore.acquireSync())), semaphore.tryAcquire())
    const child = new Process({ target: take, args: [semaphore, queue], method }).start()
    expect(await queue.get()).toBe(1)
    expect(await child.result()).toBe(false)
    expect([semaphore.tryAcquire(), semaphore.getValue()]).toEqual([false, 0])
    const values = [1, 2, 3, 4].map(() => (semaphore.release(), semaphore.getValue()))
    expect(values).toEqual([1, 2, 3, 4])
  })

  it('cpython: _TestEvent.test_event — waits end in time with false while it is clear, at once with true when it is set, by a child too', async () => {
    using event = new Event()
    expect(event.isSet()).toBe(false)
    expect([await event.wait({ timeout: 0 }), event.waitSync({ timeout: 0 })]).toEqual([false, false])
    expect(await took(async () => expect(await event.wait({ timeout: 100 })).toBe(false))).toBeGreaterThan(90)
    expect(await took(() => expect(event.waitSync({ timeout: 100 })).toBe(false))).toBeGreaterThan(90)
    event.set()
    expect([event.isSet(), await event.wait(), event.waitSync({ timeout: 0 }), await event.wait({ timeout: 1000 })]).toEqual([true, true, true, true])
    event.clear()
    expect(event.isSet()).toBe(false)
    const child = new Process({ target: (event: Event) => event.set(), args: [event], method }).start()
    expect(event.waitSync()).toBe(true)
    await child.join()
  })
})

it('cpython: _TestLock.test_lock — acquired once, told that it is, not twice; released once', async () => {
  using lock = new Lock()
  expect([await lock.acquire(), lock.locked(), lock.tryAcquire(), await lock.acquire({ timeout: 0 })]).toEqual([true, true, false, false])
  expect(lock.release()).toBe(undefined)
  expect(lock.locked()).toBe(false)
  expect(await codeOf(() => lock.release())).toBe('ERR_MULTIPROC_NOT_OWNER')
})

it('cpython: _TestLock.test_rlock — entered three times, left three times, not four', async () => {
  using lock = new RLock()
  expect([lock.acquireSync(), lock.acquireSync(), lock.tryAcquire()]).toEqual([true, true, true])
  for (const left of [true, true, false]) {
    lock.release()
    expect(lock.locked()).toBe(left)
  }
  expect(await codeOf(() => lock.release())).toBe('ERR_MULTIPROC_NOT_OWNER')
})

it.each([
  ['cpython: _TestLock.test_lock_context — held inside a block, free after it', Lock],
  ['cpython: _TestLock.test_rlock_context — a re-entrant lock is held inside a block, free after it', RLock],
])('%s', async (_, Kind) => {
  using lock = new Kind()
  {
    using guard = lock.holdSync()
    expect([lock.locked(), guard.abandoned]).toEqual([true, false])
  }
  expect(lock.locked()).toBe(false)
  expect(await lock.runExclusive(async () => lock.locked())).toBe(true)
  expect(lock.locked()).toBe(false)
  await expect(lock.runExclusive(() => Promise.reject(new Error('inside')))).rejects.toThrow('inside')
  expect(lock.locked()).toBe(false)
})

it('cpython: _TestSemaphore.test_bounded_semaphore — counts down to 0 and up to where it began, not further', async () => {
  using semaphore = new BoundedSemaphore(2)
  expect([await semaphore.acquire(), semaphore.acquireSync(), semaphore.tryAcquire(), semaphore.getValue()]).toEqual([true, true, false, 0])
  semaphore.release()
  semaphore.release()
  expect(semaphore.getValue()).toBe(2)
  expect(await codeOf(() => semaphore.release())).not.toBe(undefined)
  expect(semaphore.getValue()).toBe(2)
})

it('cpython: _TestSemaphore.test_timeout — five ways to acquire none return false, after their time', async () => {
  using semaphore = new Semaphore(0)
  expect(semaphore.tryAcquire()).toBe(false)
  expect([await semaphore.acquire({ timeout: 0 }), semaphore.acquireSync({ timeout: 0 })]).toEqual([false, false])
  expect(await took(async () => expect(await semaphore.acquire({ timeout: 150 })).toBe(false))).toBeGreaterThan(140)
  expect(await took(() => expect(semaphore.acquireSync({ timeout: 150 })).toBe(false))).toBeGreaterThan(140)
  expect(semaphore.getValue()).toBe(0)
})
