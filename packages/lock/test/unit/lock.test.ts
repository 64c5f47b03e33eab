import { Lock } from '@multiproc/lock'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'

const code = (error: unknown): unknown => (error as { code?: string }).code
const codeOf = (call: () => unknown): unknown => {
  try {
    call()
  } catch (error) {
    return code(error)
  }
  return undefined
}

it('is taken once, and free again after its release', () => {
  using lock = new Lock()
  expect(lock.locked()).toBe(false)
  expect(lock.tryAcquire()).toBe(true)
  expect(lock.locked()).toBe(true)
  expect(lock.tryAcquire()).toBe(false)
  lock.release()
  expect(lock.locked()).toBe(false)
  expect(lock.acquireSync()).toBe(true)
  expect(lock.abandoned).toBe(false)
  lock.release()
})

it('serves the acquires of one thread in the order of the calls', async () => {
  using lock = new Lock()
  const order: number[] = []
  await Promise.all([1, 2, 3, 4].map(async (number) => {
    await lock.acquire()
    order.push(number)
    await sleep(1)
    lock.release()
  }))
  expect(order).toEqual([1, 2, 3, 4])
})

it('lets a hundred tasks of one thread wait', async () => {
  using lock = new Lock()
  let inside = 0
  let most = 0
  await Promise.all(Array.from({ length: 100 }, () => lock.runExclusive(async () => {
    most = Math.max(most, ++inside)
    await null
    inside--
  })))
  expect(most).toBe(1)
  expect(lock.locked()).toBe(false)
})

it('returns false after a timeout, and takes nothing', async () => {
  using lock = new Lock()
  lock.acquireSync()
  expect(await lock.acquire({ timeout: 0 })).toBe(false)
  expect(await lock.acquire({ timeout: 5 })).toBe(false)
  expect(lock.acquireSync({ timeout: 5 })).toBe(false)
  lock.release()
  await sleep(5)
  expect(lock.locked()).toBe(false)
})

it('rejects with the reason of an abort, before and while it waits, and takes nothing', async () => {
  using lock = new Lock()
  const reason = new Error('enough')
  await expect(lock.acquire({ signal: AbortSignal.abort(reason) })).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: reason })
  lock.acquireSync()
  const controller = new AbortController()
  const waiting = lock.acquire({ signal: controller.signal })
  const next = lock.acquire()
  controller.abort(reason)
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError', cause: reason })
  lock.release()
  expect(await next).toBe(true)
  lock.release()
})

it('throws TimeoutError from hold and runExclusive, and does not call the function', async () => {
  using lock = new Lock()
  lock.acquireSync()
  await expect(lock.hold({ timeout: 1 })).rejects.toMatchObject({ name: 'TimeoutError', code: 'ERR_MULTIPROC_TIMEOUT' })
  expect(() => lock.holdSync({ timeout: 1 })).toThrow(/not free within 1 ms/)
  let called = false
  await expect(lock.runExclusive(() => { called = true }, { timeout: 1 })).rejects.toMatchObject({ name: 'TimeoutError' })
  expect(() => lock.runExclusiveSync(() => { called = true }, { timeout: 1 })).toThrow()
  expect(called).toBe(false)
  lock.release()
})

it('releases when the guarded block ends, by throwing too', async () => {
  using lock = new Lock()
  {
    using guard = await lock.hold()
    expect(lock.locked()).toBe(true)
    expect(guard.abandoned).toBe(false)
  }
  expect(lock.locked()).toBe(false)
  await expect(lock.runExclusive(() => { throw new Error('mine') })).rejects.toThrow('mine')
  expect(() => lock.runExclusiveSync(() => { throw new Error('mine') })).toThrow('mine')
  expect(lock.locked()).toBe(false)
  expect(await lock.runExclusive(async () => 7)).toBe(7)
  expect(lock.runExclusiveSync(() => 8)).toBe(8)
  const guard = lock.holdSync()
  guard.release()
  lock.acquireSync()
  guard.release()
  expect(lock.locked()).toBe(true)
  lock.release()
})

it('refuses to wait for itself without a timeout, also when it holds the lock asynchronously', async () => {
  using lock = new Lock()
  await lock.acquire()
  expect(codeOf(() => lock.acquireSync())).toBe('ERR_MULTIPROC_DEADLOCK')
  expect(codeOf(() => lock.holdSync())).toBe('ERR_MULTIPROC_DEADLOCK')
  expect(codeOf(() => lock.runExclusiveSync(() => {}))).toBe('ERR_MULTIPROC_DEADLOCK')
  expect(lock.acquireSync({ timeout: 1 })).toBe(false)
  lock.release()
})

it('refuses a release without an acquire', () => {
  using lock = new Lock()
  expect(codeOf(() => lock.release())).toBe('ERR_MULTIPROC_NOT_OWNER')
  lock.acquireSync()
  lock.release()
  expect(codeOf(() => lock.release())).toBe('ERR_MULTIPROC_NOT_OWNER')
})

it('rejects what waits when its handle is closed, and refuses every later call', async () => {
  const lock = new Lock()
  lock.acquireSync()
  const waiting = lock.acquire().catch(code)
  lock.close()
  lock.close()
  expect(await waiting).toBe('ERR_MULTIPROC_CLOSED')
  expect(lock.closed).toBe(true)
  for (const call of ['acquireSync', 'tryAcquire', 'release', 'locked', 'holdSync'] as const) {
    expect(codeOf(() => lock[call]()), call).toBe('ERR_MULTIPROC_CLOSED')
  }
  expect(codeOf(() => lock.abandoned)).toBe('ERR_MULTIPROC_CLOSED')
  await expect(lock.acquire()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_CLOSED' })
})

it('checks its arguments before anything happens', async () => {
  expect(codeOf(() => new Lock({ onAbandoned: 'ignore' as 'take' }))).toBe('ERR_MULTIPROC_ARG_VALUE')
  expect(codeOf(() => new Lock({ names: 'x' } as object))).toBe('ERR_MULTIPROC_UNKNOWN_OPTION')
  using lock = new Lock()
  expect(codeOf(() => lock.acquireSync(5 as never))).toBe('ERR_MULTIPROC_ARG_TYPE')
  expect(codeOf(() => lock.acquireSync({ timeout: -1 }))).toBe('ERR_MULTIPROC_ARG_VALUE')
  await expect(lock.acquire({ block: false } as never)).rejects.toMatchObject({ code: 'ERR_MULTIPROC_UNKNOWN_OPTION' })
  await expect(lock.runExclusive(7 as never)).rejects.toMatchObject({ code: 'ERR_MULTIPROC_ARG_TYPE' })
  expect(lock.locked()).toBe(false)
})

it('gives its memory back', () => {
  for (let round = 0; round < 3; round++) {
    const locks = Array.from({ length: 300 }, () => new Lock())
    for (const lock of locks) lock.close()
  }
})
