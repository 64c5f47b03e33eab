import { Condition, Semaphore } from '@multiproc/lock'
import { Process } from '@multiproc/process'
import { SharedValue } from '@multiproc/shared'
import { describe, expect, it } from 'vitest'
import { ended, methods, took } from '../support.ts'

/** Says that it sleeps, waits, and says how the wait ended. `sleeping` counts under the lock, so no notification is missed. */
function sleeper(condition: Condition, sleeping: Semaphore, woken: Semaphore, timeout?: number): boolean {
  return condition.runExclusiveSync(() => {
    sleeping.release()
    const notified = condition.waitSync({ timeout })
    woken.release()
    return notified
  })
}

function start(methods: readonly ('spawn' | 'prefork' | 'thread')[], ...args: Parameters<typeof sleeper>) {
  return methods.map((method) => new Process({ target: sleeper, args, method }).start())
}

async function times(n: number, semaphore: Semaphore): Promise<void> {
  for (let i = 0; i < n; i++) await semaphore.acquire()
}

it('cpython: _TestCondition.test_notify — each notification wakes exactly one of a process and a thread', async () => {
  using condition = new Condition()
  using sleeping = new Semaphore(0)
  using woken = new Semaphore(0)
  const children = start(['spawn', 'thread'], condition, sleeping, woken)
  await times(2, sleeping)
  expect(woken.getValue()).toBe(0)
  condition.runExclusiveSync(() => condition.notify())
  await woken.acquire()
  expect(await woken.acquire({ timeout: 100 })).toBe(false)
  condition.runExclusiveSync(() => condition.notify())
  await woken.acquire()
  expect(await Promise.all(children.map((child) => child.result()))).toEqual([true, true])
  condition.runExclusiveSync(() => condition.notify())
  expect(woken.getValue()).toBe(0)
})

it('cpython: _TestCondition.test_notify_all — waiters with a time expire; those without all wake', async () => {
  using condition = new Condition()
  using sleeping = new Semaphore(0)
  using woken = new Semaphore(0)
  const timed = start(['spawn', 'thread', 'thread'], condition, sleeping, woken, 50)
  expect(await Promise.all(timed.map((child) => child.result()))).toEqual([false, false, false])
  expect([sleeping.getValue(), woken.getValue()]).toEqual([3, 3])
  await times(3, sleeping)
  await times(3, woken)
  const untimed = start(['spawn', 'spawn', 'thread', 'thread'], condition, sleeping, woken)
  await times(4, sleeping)
  expect(woken.getValue()).toBe(0)
  condition.runExclusiveSync(() => condition.notifyAll())
  expect(await Promise.all(untimed.map((child) => child.result()))).toEqual([true, true, true, true])
})

describe.each(methods)('by %s', (method) => {
  it('cpython: _TestCondition.test_waitfor — waits until a value that another process changes is what it asks for', async () => {
    using condition = new Condition()
    using state = new SharedValue('int32', 0, { lock: false })
    const target = (condition: Condition, state: SharedValue<'int32'>) =>
      condition.runExclusiveSync(() => {
        state.value = 0
        condition.notify()
        return [condition.waitForSync(() => state.value === 4), state.value]
      })
    state.value = -1
    const child = new Process({ target, args: [condition, state], method }).start()
    expect(await condition.runExclusive(() => condition.waitFor(() => state.value === 0))).toBe(true)
    for (let i = 0; i < 4; i++) {
      condition.runExclusiveSync(() => {
        state.value += 1
        condition.notify()
      })
    }
    expect(await child.result()).toEqual([true, 4])
  })

  it('cpython: _TestCondition.test_waitfor_timeout — false after its time, while the value never comes', async () => {
    using condition = new Condition()
    using state = new SharedValue('int32', 0, { lock: false })
    const target = (condition: Condition, state: SharedValue<'int32'>) =>
      condition.runExclusiveSync(() => {
        const started = performance.now()
        return [condition.waitForSync(() => state.value === 4, { timeout: 200 }), performance.now() - started >= 190]
      })
    const child = new Process({ target, args: [condition, state], method }).start()
    for (let i = 0; i < 3; i++) {
      condition.runExclusiveSync(() => {
        state.value += 1
        condition.notify()
      })
    }
    expect(await child.result()).toEqual([false, true])
  })

  it('cpython: _TestCondition.test_wait_result — false when its time was up, true when notified, and an abort escapes the wait', async () => {
    using condition = new Condition()
    const target = (condition: Condition) => condition.runExclusiveSync(() => condition.notify())
    await condition.acquire()
    expect([await condition.wait({ timeout: 0 }), condition.waitSync({ timeout: 0 })]).toEqual([false, false])
    expect(await took(async () => expect(await condition.wait({ timeout: 100 })).toBe(false))).toBeGreaterThan(90)
    const child = new Process({ target, args: [condition], method }).start()
    expect(await condition.wait({ timeout: 60_000 })).toBe(true)
    await expect(condition.wait({ signal: AbortSignal.timeout(50) })).rejects.toThrow(expect.objectContaining({ code: 'ABORT_ERR' }))
    expect(condition.locked()).toBe(true)
    condition.release()
    await ended([child])
  })
})
