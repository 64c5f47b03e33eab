import { RLock } from '@multiproc/lock'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'

const codeOf = (call: () => unknown): unknown => {
  try {
    call()
  } catch (error) {
    return (error as { code?: string }).code
  }
  return undefined
}

it('is taken three times by its thread, and free after three releases', () => {
  using lock = new RLock()
  expect(lock.acquireSync()).toBe(true)
  expect(lock.acquireSync({ timeout: 0 })).toBe(true)
  expect(lock.tryAcquire()).toBe(true)
  lock.release()
  lock.release()
  expect(lock.locked()).toBe(true)
  lock.release()
  expect(lock.locked()).toBe(false)
  expect(codeOf(() => lock.release())).toBe('ERR_MULTIPROC_NOT_OWNER')
})

it('enters again in every form from inside runExclusive, also after an await', async () => {
  using lock = new RLock()
  await lock.runExclusive(async () => {
    await sleep(1)
    await lock.runExclusive(async () => {
      using _hold = await lock.hold()
      expect(lock.acquireSync()).toBe(true)
      lock.release()
      expect(lock.runExclusiveSync(() => lock.holdSync().release())).toBe(undefined)
    })
    expect(lock.locked()).toBe(true)
  })
  expect(lock.locked()).toBe(false)
})

it('keeps other tasks of the same thread out', async () => {
  using lock = new RLock()
  let inside = 0
  let most = 0
  const task = async (): Promise<void> => {
    await lock.runExclusive(async () => {
      most = Math.max(most, ++inside)
      await lock.runExclusive(() => sleep(1))
      inside--
    })
  }
  await Promise.all([task(), task(), task()])
  expect(most).toBe(1)
})

it('gives a guard of hold to no other task, its caller included', async () => {
  using lock = new RLock()
  const work = async (): Promise<void> => {
    using _guard = await lock.hold()
    await done
  }
  let finish = (): void => {}
  const done = new Promise<void>((resolve) => (finish = resolve))
  const working = work()
  await sleep(1)
  expect(lock.tryAcquire()).toBe(false)
  expect(codeOf(() => lock.acquireSync())).toBe('ERR_MULTIPROC_DEADLOCK')
  expect(codeOf(() => lock.release())).toBe('ERR_MULTIPROC_NOT_OWNER')
  await expect(lock.hold({ timeout: 1 })).rejects.toMatchObject({ code: 'ERR_MULTIPROC_TIMEOUT' })
  finish()
  await working
  expect(lock.locked()).toBe(false)
})

it('stays held until all that was started inside has left', async () => {
  using lock = new RLock()
  let late: Promise<void> | undefined
  await lock.runExclusive(() => {
    late = lock.runExclusive(() => sleep(10))
  })
  expect(lock.locked()).toBe(true)
  await late
  expect(lock.locked()).toBe(false)
})

it('lets a context that has ended wait like any other', async () => {
  using lock = new RLock()
  let late: Promise<boolean> | undefined
  await lock.runExclusive(() => {
    late = sleep(5).then(() => lock.tryAcquire())
  })
  await lock.runExclusive(async () => expect(await late).toBe(false))
})

it('refuses a bare async acquire, naming what to use', async () => {
  using lock = new RLock()
  await expect(lock.acquire()).rejects.toThrow(TypeError)
  await expect(lock.acquire()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_UNSUPPORTED', message: expect.stringContaining('runExclusive()') })
})

it('rejects what waits when its handle is closed', async () => {
  const lock = new RLock()
  lock.acquireSync()
  const waiting = lock.hold()
  lock.close()
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_MULTIPROC_CLOSED' })
  expect(codeOf(() => lock.acquireSync())).toBe('ERR_MULTIPROC_CLOSED')
})
