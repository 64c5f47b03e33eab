import { BoundedSemaphore, Semaphore } from '@multiproc/lock'
import { expect, it } from 'vitest'

const codeOf = (call: () => unknown): unknown => {
  try {
    call()
  } catch (error) {
    return (error as { code?: string }).code
  }
  return undefined
}

it('gives its permits, then none, and may be released above its start', () => {
  using semaphore = new Semaphore(2)
  expect([semaphore.acquireSync(), semaphore.tryAcquire(), semaphore.tryAcquire()]).toEqual([true, true, false])
  for (let i = 0; i < 4; i++) semaphore.release()
  expect(semaphore.getValue()).toBe(4)
})

it('refuses a release too many when bounded, and changes nothing', () => {
  using semaphore = new BoundedSemaphore(1)
  expect(codeOf(() => semaphore.release())).toBe('ERR_MULTIPROC_ARG_VALUE')
  using permit = semaphore.holdSync()
  expect(codeOf(() => semaphore.release())).toBe('ERR_MULTIPROC_ARG_VALUE')
  permit.release()
  expect(semaphore.getValue()).toBe(1)
})

it('returns false after a timeout in all forms, and takes nothing', async () => {
  using semaphore = new Semaphore(0)
  expect(await semaphore.acquire({ timeout: 0 })).toBe(false)
  expect(await semaphore.acquire({ timeout: 3 })).toBe(false)
  expect(semaphore.acquireSync({ timeout: 0 })).toBe(false)
  expect(semaphore.acquireSync({ timeout: 3 })).toBe(false)
  await expect(semaphore.hold({ timeout: 1 })).rejects.toMatchObject({ code: 'ERR_MULTIPROC_TIMEOUT' })
  semaphore.release()
  expect(semaphore.getValue()).toBe(1)
})

it('lets at most so many of a hundred tasks in', async () => {
  using semaphore = new Semaphore(3)
  let inside = 0
  let most = 0
  await Promise.all(Array.from({ length: 100 }, () => semaphore.runExclusive(async () => {
    most = Math.max(most, ++inside)
    await null
    inside--
  })))
  expect(most).toBe(3)
  expect(semaphore.getValue()).toBe(3)
})

it('gives back an owned permit by release, and by closing its last handle', () => {
  const semaphore = new Semaphore(2)
  semaphore.acquireSync({ owned: true })
  semaphore.release()
  expect(semaphore.getValue()).toBe(2)
  const guard = semaphore.holdSync()
  semaphore.close()
  guard.release()
  expect(codeOf(() => semaphore.tryAcquire())).toBe('ERR_MULTIPROC_CLOSED')
})

it('aborts a wait, and rejects it when its handle is closed', async () => {
  const semaphore = new Semaphore(0)
  const controller = new AbortController()
  const aborted = semaphore.acquire({ signal: controller.signal })
  const closed = semaphore.hold()
  controller.abort()
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' })
  semaphore.close()
  await expect(closed).rejects.toMatchObject({ code: 'ERR_MULTIPROC_CLOSED' })
})

it('checks its arguments', () => {
  for (const value of [-1, 1.5, NaN, 2 ** 31]) expect(codeOf(() => new Semaphore(value)), String(value)).toBe('ERR_MULTIPROC_ARG_VALUE')
  expect(codeOf(() => new Semaphore('1' as never))).toBe('ERR_MULTIPROC_ARG_TYPE')
  using semaphore = new Semaphore()
  expect(codeOf(() => semaphore.acquireSync({ owned: 1 } as never))).toBe('ERR_MULTIPROC_ARG_TYPE')
  expect(semaphore.getValue()).toBe(1)
})
