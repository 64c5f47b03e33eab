/** Code of the user's that runs inside a call of ours: it may close the handle, shut the queue down, abort the wait, or call again. */
import '@multiproc/process' // brings the way in which classes travel
import { allocator, WAITABLE, WAITS_ASYNC } from '@multiproc/core'
import { afterEach, describe, expect, it } from 'vitest'
import { JoinableQueue, Queue, ShutDown } from '../../src/index.ts'
import { sharedOf } from '../../src/queue.ts'
import { SharedQueue } from '../../src/store/shared-queue.ts'
import { hook, Hooked } from '../hooked.ts'

afterEach(() => {
  hook.run = () => {}
})

/** Another handle on the same queue, as a message would bring it. */
function again<T>(queue: Queue<T>): Queue<T> {
  return new Queue<T>(SharedQueue.attach(sharedOf(queue).place) as never)
}

const isHooked = (item: unknown): boolean => (item as object | null)?.constructor.name === 'Hooked'
const isLive = (queue: Queue<any>): boolean => allocator().isLive(sharedOf(queue).place)
const closed = expect.objectContaining({ code: 'ERR_MULTIPROC_CLOSED' })

describe('decoding closes the last handle', () => {
  for (const way of ['get', 'getSync', 'getMany', 'lease'] as const) {
    it(`hands the item over, and lets the memory go after ${way}`, async () => {
      const queue = new Queue<unknown>()
      await queue.put(new Hooked())
      hook.run = () => {
        queue.close()
        expect(isLive(queue)).toBe(true)
      }
      const got = way === 'getMany' ? (await queue.getMany(5))[0] : await queue[way]()
      const item = way === 'lease' ? (got as { item: unknown; done(): void }).item : got
      if (way === 'lease') (got as { done(): void }).done()
      expect(item).toSatisfy(isHooked)
      expect(isLive(queue)).toBe(false)
    })
  }

  it('rejects a get that waits, and leaves the item to others', async () => {
    const queue = new Queue<unknown>()
    const other = again(queue)
    const get = queue.get()
    hook.run = () => queue.close()
    await other.put(new Hooked())
    await other.put('behind')
    await expect(get).rejects.toThrow(closed)
    hook.run = () => {}
    expect(await other.get()).toSatisfy(isHooked)
    expect(await other.get()).toBe('behind')
    other.close()
    expect(isLive(queue)).toBe(false)
  })

  it('leaves the whole batch to others, in order', async () => {
    const queue = new Queue<unknown>()
    const other = again(queue)
    const many = queue.getMany(10)
    hook.run = () => queue.close()
    await other.putMany(['first', new Hooked(), 'last'])
    const got = await many.catch((error: unknown) => error)
    hook.run = () => {}
    const rest = await other.getMany(10)
    // Whether the batch was taken before the last put is a matter of turns: nothing may be lost, doubled or out of order.
    const all = [...(Array.isArray(got) ? got : []), ...rest].map((item) => (isHooked(item) ? 'hooked' : item))
    expect(all).toEqual(['first', 'hooked', 'last'])
    other.close()
    expect(isLive(queue)).toBe(false)
  })
})

it('takes nothing when decoding aborts the wait', async () => {
  const queue = new Queue<unknown>()
  const abort = new AbortController()
  const get = queue.get({ signal: abort.signal })
  hook.run = () => abort.abort('enough')
  await queue.put(new Hooked())
  await expect(get).rejects.toMatchObject({ name: 'AbortError' })
  hook.run = () => {}
  expect(queue.qsize()).toBe(1)
  expect(await queue.get()).toSatisfy(isHooked)
  queue.close()
})

it('serves a get that is made while another item is decoded', async () => {
  const queue = new Queue<unknown>()
  await queue.put(new Hooked())
  await queue.put('second')
  let inner: unknown
  hook.run = () => (inner = queue.getSync())
  expect(await queue.get()).toSatisfy(isHooked)
  expect(inner).toBe('second')
  queue.close()
})

it('hands out the item that is being decoded while the queue is shut down, and ends then', async () => {
  const queue = new Queue<unknown>()
  await queue.put(new Hooked())
  await queue.put('dropped')
  hook.run = () => queue.shutdown({ immediate: true })
  expect(await queue.get()).toSatisfy(isHooked)
  await expect(queue.get()).rejects.toThrow(ShutDown)
  queue.close()
})

it('rejects joins and waits that are pending, and keeps the memory until they have left', async () => {
  const queue = new JoinableQueue<number>()
  await queue.put(1)
  const join = queue.join()
  queue.close()
  await expect(join).rejects.toThrow(closed)
  expect(isLive(queue)).toBe(false)

  const waited = new Queue<number>()
  const turn = waited[WAITABLE]('wait()', WAITS_ASYNC)
  expect(turn.look()).toBe(false)
  waited.close()
  expect(isLive(waited)).toBe(true)
  expect(() => turn.look()).toThrow(closed)
  turn.leave()
  expect(isLive(waited)).toBe(false)
})

it('does not touch the memory of a queue that was closed while a get gave others a turn', async () => {
  const queue = new Queue<number>()
  await queue.put(1)
  const gets = Array.from({ length: 3000 }, () => queue.get().catch((error: { code: string }) => error.code))
  queue.close()
  const results = await Promise.all(gets)
  expect(results.filter((result) => result !== 1).every((result) => result === 'ERR_MULTIPROC_CLOSED')).toBe(true)
  expect(isLive(queue)).toBe(false)
})
