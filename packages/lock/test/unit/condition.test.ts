import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Condition, Lock, RLock } from '../../src/index.ts'

const waiting = async (): Promise<void> => void (await turn(), await turn())

describe('Condition', () => {
  it('lets go of its lock while it waits, and holds it again afterwards', async () => {
    using condition = new Condition()
    await condition.acquire()
    const woken = condition.wait()
    expect(condition.locked()).toBe(false)
    condition.runExclusiveSync(() => condition.notify())
    expect(await woken).toBe(true)
    expect(condition.locked()).toBe(true)
    condition.release()
  })

  it('wakes those who came first, and as many as asked (cpython: _TestCondition.test_notify_n)', async () => {
    using condition = new Condition()
    const order: number[] = []
    const waits = [0, 1, 2, 3].map((i) => condition.runExclusive(async () => (await condition.wait(), order.push(i))))
    await waiting()
    await condition.runExclusive(() => condition.notify(2))
    await Promise.all(waits.slice(0, 2))
    expect(order).toEqual([0, 1])
    await condition.runExclusive(() => condition.notifyAll())
    await Promise.all(waits)
    expect(order).toEqual([0, 1, 2, 3])
  })

  it('returns false after a timeout, in both forms (cpython: _TestCondition.test_timeout)', async () => {
    using condition = new Condition()
    await condition.runExclusive(async () => {
      expect(await condition.wait({ timeout: 5 })).toBe(false)
      expect(await condition.wait({ timeout: 0 })).toBe(false)
      expect(condition.waitSync({ timeout: 5 })).toBe(false)
      expect(condition.waitSync({ timeout: 0 })).toBe(false)
    })
  })

  it('asks the predicate at once, after each notification, and when time is up', async () => {
    using condition = new Condition()
    let stock = 0
    await condition.runExclusive(async () => {
      expect(await condition.waitFor(() => true, { timeout: 0 })).toBe(true)
      expect(await condition.waitFor(() => stock > 0, { timeout: 5 })).toBe(false)
      expect(condition.waitForSync(() => stock > 0, { timeout: 5 })).toBe(false)
    })
    const stocked = condition.runExclusive(() => condition.waitFor(async () => stock === 2))
    await waiting()
    for (let i = 0; i < 2; i++) await condition.runExclusive(() => (stock++, condition.notify()))
    expect(await stocked).toBe(true)
  })

  it('is refused without the lock, and changes nothing', async () => {
    using lock = new RLock()
    for (const condition of [new Condition(), new Condition(lock)]) {
      const refused = expect.objectContaining({ code: 'ERR_MULTIPROC_NOT_OWNER' }) as Error
      await expect(condition.wait()).rejects.toThrow(refused)
      await expect(condition.waitFor(() => true)).rejects.toThrow(refused)
      expect(() => condition.waitSync()).toThrow(refused)
      expect(() => condition.notify()).toThrow(refused)
      expect(() => condition.notifyAll()).toThrow(refused)
      condition.close()
    }
  })

  it('lets go of an RLock however often it was taken, and takes it as often again', async () => {
    using lock = new RLock()
    using condition = new Condition(lock)
    await lock.runExclusive(() =>
      lock.runExclusive(async () => {
        const woken = condition.wait()
        expect(lock.locked()).toBe(false)
        condition.acquireSync()
        condition.notify()
        condition.release()
        expect(await woken).toBe(true)
        expect(lock.locked()).toBe(true)
      }),
    )
    expect(lock.locked()).toBe(false)
  })

  it('passes a notification on that came to one who was aborted', async () => {
    using condition = new Condition()
    const abort = new AbortController()
    const first = condition.runExclusive(() => condition.wait({ signal: abort.signal }))
    const second = condition.runExclusive(() => condition.wait())
    await waiting()
    condition.runExclusiveSync(() => {
      condition.notify()
      abort.abort('enough')
    })
    await expect(first).rejects.toMatchObject({ code: 'ABORT_ERR', cause: 'enough' })
    expect(await second).toBe(true)
    expect(condition.locked()).toBe(false)
  })

  it('ends its waits when it is closed, with the lock held', async () => {
    using lock = new Lock()
    const condition = new Condition(lock)
    await lock.acquire()
    const woken = condition.wait()
    condition.close()
    await expect(woken).rejects.toMatchObject({ code: 'ERR_MULTIPROC_CLOSED' })
    expect(lock.locked()).toBe(true)
    lock.release()
  })

  it('survives a predicate that closes it, and a lock that is closed while it waits', async () => {
    const condition = new Condition()
    await condition.acquire()
    await expect(condition.waitFor(() => condition.close())).rejects.toMatchObject({ code: 'ERR_MULTIPROC_CLOSED' })
    const lock = new Lock()
    using second = new Condition(lock)
    await lock.acquire()
    const woken = second.wait({ timeout: 10 })
    lock.close()
    expect(await woken).toBe(false)
    await expect(second.wait()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_CLOSED' })
  })

  it('refuses what is no lock, no number, no function', async () => {
    expect(() => new Condition({} as Lock)).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_ARG_TYPE' }) as Error)
    using condition = new Condition()
    using _guard = condition.holdSync()
    for (const n of [-1, 1.5]) expect(() => condition.notify(n)).toThrow(RangeError)
    expect(() => condition.waitForSync(1 as never)).toThrow(TypeError)
    await expect(condition.wait(5 as never)).rejects.toThrow('{ timeout: 1000 }')
  })

  it('has room for three hundred tasks of one thread', async () => {
    using condition = new Condition()
    const waits = Array.from({ length: 300 }, () => condition.runExclusive(() => condition.wait()))
    await waiting()
    await condition.runExclusive(() => condition.notifyAll())
    expect((await Promise.all(waits)).every(Boolean)).toBe(true)
  })
})
