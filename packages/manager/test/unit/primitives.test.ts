import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { catalog } from '../../src/types/catalog.ts'
import { startHere } from './server.ts'

/** One object as the server has it, and clients that can die. */
function serverSide(name: string, ...args: unknown[]) {
  const { type } = catalog.get(name)!
  const referent = type.create(args)
  return {
    client() {
      const context = { client: {}, stop: new AbortController(), isGone: false, get signal() { return this.stop.signal } }
      return {
        call: async (method: string, ...args: unknown[]) => type.method(referent, method)!(referent, context, args),
        die() {
          context.isGone = true
          context.stop.abort()
          type.clientGone?.(referent, context.client)
        },
      }
    },
  }
}

let here: ReturnType<typeof startHere>
beforeEach(() => {
  here = startHere()
})
afterEach(() => here.stop())

describe('a lock', () => {
  it('goes to the next in line when its holder dies, and says so', async () => {
    const lock = serverSide('lock')
    const [first, second, third] = [lock.client(), lock.client(), lock.client()]
    expect(await first.call('acquire')).toEqual({ abandoned: false })
    const waits = second.call('acquire')
    const later = third.call('acquire')
    first.die()
    expect(await waits).toEqual({ abandoned: true })
    await expect(third.call('release')).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_OWNER' })
    await second.call('release')
    expect(await later).toEqual({ abandoned: false })
  })

  it('passes over a client that died while it waited', async () => {
    const lock = serverSide('lock')
    const [first, second, third] = [lock.client(), lock.client(), lock.client()]
    await first.call('acquire')
    const dead = second.call('acquire').catch((error: { code: string }) => error.code)
    const waits = third.call('acquire')
    second.die()
    await first.call('release')
    expect([await dead, await waits]).toEqual(['ABORT_ERR', { abandoned: false }])
  })

  it('is acquired, tried, held and released by its proxy (cpython: TestSyncManagerTypes.test_lock)', async () => {
    const lock = here.make('lock')
    expect(await lock.acquire()).toBe(true)
    expect([await lock.locked(), await lock.tryAcquire(), await lock.acquire({ timeout: 20 })]).toEqual([true, false, false])
    await lock.release()
    await expect(lock.release()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_OWNER' })
    let inside = 0
    await Promise.all([1, 2, 3].map(() => lock.runExclusive(async () => {
      expect(++inside).toBe(1)
      await sleep(2)
      inside--
    })))
    const guard = await lock.hold()
    await expect(lock.hold({ timeout: 0 })).rejects.toMatchObject({ code: 'ERR_MULTIPROC_TIMEOUT' })
    await guard.release()
    await guard.release()
    expect([await lock.locked(), await lock.abandoned]).toEqual([false, false])
  })

  it('is not taken by a wait that was aborted', async () => {
    const lock = here.make('lock')
    await lock.acquire()
    const stop = new AbortController()
    const waits = lock.acquire({ signal: stop.signal })
    stop.abort(new Error('enough'))
    await expect(waits).rejects.toMatchObject({ name: 'AbortError', cause: { message: 'enough' } })
    await expect(lock.acquire({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
    await lock.release()
    expect(await lock.locked()).toBe(false)
    await expect(lock.acquire({ timeOut: 1 })).rejects.toMatchObject({ code: 'ERR_MULTIPROC_UNKNOWN_OPTION' })
  })

  it('that is re-entrant lets the code that holds it in again, and no other (cpython: TestSyncManagerTypes.test_rlock)', async () => {
    const lock = here.make('rlock')
    const order: string[] = []
    await Promise.all(['a', 'b'].map((name) => lock.runExclusive(async () => {
      order.push(`${name} in`)
      await lock.runExclusive(() => sleep(5))
      order.push(`${name} out`)
    })))
    expect(order).toEqual(['a in', 'a out', 'b in', 'b out'])
    await expect(lock.acquire()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_UNSUPPORTED' })
    expect(await lock.locked()).toBe(false)
  })
})

describe('a semaphore', () => {
  it('gives back owned permits of a dead client, and no others', async () => {
    const semaphore = serverSide('semaphore', 3)
    const [first, second] = [semaphore.client(), semaphore.client()]
    await first.call('acquire', { owned: true })
    await first.call('acquire', { owned: true })
    await first.call('acquire')
    const waits = second.call('acquire')
    first.die()
    expect(await waits).toBe(true)
    expect(await second.call('getValue')).toBe(1)
  })

  it('counts (cpython: TestSyncManagerTypes.test_semaphore)', async () => {
    const semaphore = here.make('semaphore', 1)
    expect([await semaphore.acquire(), await semaphore.tryAcquire(), await semaphore.getValue()]).toEqual([true, false, 0])
    await semaphore.release()
    await semaphore.release()
    expect(await semaphore.getValue()).toBe(2)
    expect(await semaphore.runExclusive(() => semaphore.getValue())).toBe(1)
    expect(await semaphore.getValue()).toBe(2)
  })

  it('that is bounded refuses a release too many (cpython: TestSyncManagerTypes.test_bounded_semaphore)', async () => {
    const semaphore = here.make('boundedSemaphore', 1)
    await expect(semaphore.release()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_ARG_VALUE' })
    await semaphore.acquire()
    await semaphore.release()
    expect(await semaphore.getValue()).toBe(1)
  })
})

it('an event lets all go on who waited, even if it is cleared at once (cpython: TestSyncManagerTypes.test_event)', async () => {
  const event = here.make('event')
  expect([await event.isSet(), await event.wait({ timeout: 5 })]).toEqual([false, false])
  const waits = [event.wait(), event.wait()]
  event.set()
  event.clear()
  expect([...(await Promise.all(waits)), await event.isSet()]).toEqual([true, true, false])
  await event.set()
  expect(await event.wait({ timeout: 0 })).toBe(true)
})

describe('a condition', () => {
  it('is waited for and notified with its lock held (cpython: TestSyncManagerTypes.test_condition)', async () => {
    const condition = here.make('condition')
    await expect(condition.notify()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_OWNER' })
    await condition.acquire()
    expect(await condition.wait({ timeout: 5 })).toBe(false)
    await condition.release()
    let ready = false
    const waits = condition.runExclusive(() => condition.waitFor(() => ready))
    await condition.runExclusive(async () => {
      ready = true
      await condition.notifyAll()
    })
    expect(await waits).toBe(true)
    expect(await condition.locked()).toBe(false)
  })

  it('passes on the turn of a client that died notified, before it had the lock again', async () => {
    const condition = serverSide('condition')
    const [first, second, other] = [condition.client(), condition.client(), condition.client()]
    await first.call('acquire')
    const dead = first.call('wait')
    await second.call('acquire')
    const waits = second.call('wait')
    await other.call('acquire')
    await other.call('notify')
    first.die()
    await other.call('release')
    expect([await dead, await waits]).toEqual([false, true])
    await second.call('release')
    expect(await other.call('locked')).toBe(false)
  })

  it('holds the lock again after an aborted wait', async () => {
    const condition = here.make('condition')
    await condition.acquire()
    await expect(condition.wait({ signal: AbortSignal.timeout(5) })).rejects.toMatchObject({ name: 'AbortError' })
    await condition.release()
    expect(await condition.locked()).toBe(false)
  })
})

describe('a barrier', () => {
  it('lets all on together, with numbers, round after round (cpython: TestSyncManagerTypes.test_barrier)', async () => {
    const barrier = here.make('barrier', 3)
    for (let round = 0; round < 3; round++) expect((await Promise.all([barrier.wait(), barrier.wait(), barrier.wait()])).sort()).toEqual([0, 1, 2])
    expect([await barrier.parties, await barrier.nWaiting, await barrier.broken]).toEqual([3, 0, false])
  })

  it('breaks for all by a timeout, an abort, a reset and a death, until it is reset', async () => {
    const barrier = here.make('barrier', 2)
    const brokenCode = { code: 'ERR_MULTIPROC_BROKEN_BARRIER' }
    await expect(barrier.wait({ timeout: 5 })).rejects.toMatchObject(brokenCode)
    await expect(barrier.wait()).rejects.toMatchObject(brokenCode)
    await barrier.reset()
    const waits = barrier.wait()
    await barrier.reset()
    await expect(waits).rejects.toMatchObject(brokenCode)
    expect(await Promise.all([barrier.wait(), barrier.wait()])).toEqual([0, 1])
    await expect(barrier.wait({ signal: AbortSignal.timeout(5) })).rejects.toMatchObject({ name: 'AbortError' })
    expect(await barrier.broken).toBe(true)
    const shared = serverSide('barrier', 2)
    const [first, second] = [shared.client(), shared.client()]
    const dead = first.call('wait').catch((error: { code: string }) => error.code)
    first.die()
    expect(await dead).toBe('ABORT_ERR')
    await expect(second.call('wait')).rejects.toMatchObject(brokenCode)
  })

  it('runs its action before anybody goes on; one that throws breaks it', async () => {
    let runs = 0
    const barrier = serverSide('barrier', 1, { action: () => { if (++runs === 2) throw new RangeError('no') } }).client()
    expect(await barrier.call('wait')).toBe(0)
    await expect(barrier.call('wait')).rejects.toThrow('no')
    await expect(barrier.call('wait')).rejects.toMatchObject({ code: 'ERR_MULTIPROC_BROKEN_BARRIER' })
  })
})

describe('a queue', () => {
  it('is first in, first out, with Full, Empty and ShutDown (cpython: TestSyncManagerTypes.test_queue)', async () => {
    const queue = here.make('queue', 2)
    await queue.put(1)
    await queue.put(2)
    expect([await queue.full(), await queue.qsize(), await queue.empty()]).toEqual([true, 2, false])
    await expect(queue.putNowait(3)).rejects.toMatchObject({ code: 'ERR_MULTIPROC_FULL' })
    const waits = queue.put(3)
    expect([await queue.get(), await queue.get(), await queue.get()]).toEqual([1, 2, 3])
    await waits
    await expect(queue.getNowait()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_EMPTY' })
    await expect(queue.get({ timeout: 5 })).rejects.toMatchObject({ code: 'ERR_MULTIPROC_EMPTY' })
    const taken = queue.get()
    await queue.put('x')
    expect(await taken).toBe('x')
    await queue.put('last')
    await queue.shutdown()
    const left: unknown[] = []
    for await (const item of queue) left.push(item)
    expect(left).toEqual(['last'])
    await expect(queue.put(1)).rejects.toMatchObject({ code: 'ERR_MULTIPROC_SHUT_DOWN' })
  })

  it('serves many waiting gets and puts once each', async () => {
    const queue = here.make('queue', 1)
    const gets = Array.from({ length: 200 }, () => queue.get() as Promise<number>)
    for (let i = 0; i < 200; i++) queue.put(i)
    expect(await Promise.all(gets)).toEqual(Array.from({ length: 200 }, (_, i) => i))
    const puts = Array.from({ length: 100 }, (_, i) => queue.put(i))
    const seen: number[] = []
    for (let i = 0; i < 100; i++) seen.push(await queue.get())
    await Promise.all(puts)
    expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => i))
  })

  it('that is joinable settles what a dead client owes (cpython: TestSyncManagerTypes.test_joinable_queue)', async () => {
    const queue = serverSide('joinableQueue')
    const [first, second] = [queue.client(), queue.client()]
    for (let i = 0; i < 3; i++) await second.call('put', i)
    await first.call('get')
    await first.call('get')
    await second.call('get')
    const joined = second.call('join')
    await first.call('taskDone')
    await second.call('taskDone')
    expect(await second.call('join', { timeout: 1 })).toBe(undefined)
    first.die()
    expect([await joined, await second.call('lost')]).toEqual([true, 1])
    await expect(second.call('taskDone')).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_OWNER' })
  })
})

it('an array keeps numbers of one type, and refuses others (cpython: TestSyncManagerTypes.test_array)', async () => {
  const array = here.make('array', 'i', [1, 2, 3])
  await array.set(-1, 7)
  expect([await array.length(), await array.at(2), [...(await array.slice(1))]]).toEqual([3, 7, [2, 7]])
  const seen: number[] = []
  for await (const item of array) seen.push(item)
  expect(seen).toEqual([1, 2, 7])
  for (const [index, value] of [[0, 2 ** 31], [0, 1.5], [0, '1'], [3, 1]]) await expect(array.set(index, value)).rejects.toMatchObject({ code: expect.stringContaining('ERR_MULTIPROC_ARG') })
  expect(await array.at(0)).toBe(1)
})
