import { afterEach, expect, it } from 'vitest'
import { JoinableQueue, Queue, ShutDown, SimpleQueue } from '../../src/index.ts'

const open: { close(): void }[] = []
function opened<Q extends { close(): void }>(queue: Q): Q {
  open.push(queue)
  return queue
}
afterEach(() => {
  for (const queue of open.splice(0)) queue.close()
})

it('puts and gets many in order, and takes what is there without waiting for more', async () => {
  const queue = opened(new Queue<number>())
  expect(await queue.putMany([1, 2, 3, 4])).toBe(4)
  expect(await queue.getMany(3)).toEqual([1, 2, 3])
  expect(await queue.getMany(3)).toEqual([4])
  expect(await queue.getMany(3, { timeout: 1 })).toEqual([])
  const waiting = queue.getMany(3)
  await queue.put(5)
  expect(await waiting).toEqual([5])
  await expect(queue.getMany(0)).rejects.toMatchObject({ code: 'ERR_MULTIPROC_ARG_VALUE' })
  queue.shutdown()
  await expect(queue.getMany(1)).rejects.toBeInstanceOf(ShutDown)
})

it('tells how many of many were put when the time runs out', async () => {
  const queue = opened(new Queue<number>(2))
  expect(await queue.putMany([1, 2, 3], { timeout: 5 })).toBe(2)
  expect(await queue.getMany(9)).toEqual([1, 2])
})

it('gives a leased item back to the front, counts the attempts, and forgets it when it is done', async () => {
  const queue = opened(new Queue<string>())
  await queue.putMany(['a', 'b', 'c', 'x'.repeat(20_000)])
  const [first, second] = [await queue.lease(), await queue.lease()]
  expect([first.item, first.attempt, second.item]).toEqual(['a', 1, 'b'])
  expect(queue.qsize()).toBe(2)
  second.retry()
  first.retry()
  expect(queue.qsize()).toBe(4)
  expect(() => first.done()).toThrow(/has ended/)
  const again = await queue.lease()
  expect([again.item, again.attempt]).toEqual(['a', 2])
  again.done()
  expect(await queue.getMany(2)).toEqual(['b', 'c'])
  const large = await queue.lease()
  large.retry()
  expect(await queue.get()).toHaveLength(20_000)
  expect(queue.empty()).toBe(true)
})

it('wakes a getter by a retry, and a lease works after its handle was closed', async () => {
  const queue = new Queue<number>()
  const other = opened(new Queue<Queue<number>>())
  await other.put(queue)
  const same = opened(await other.get())
  await queue.put(7)
  const lease = await queue.lease()
  const waiting = same.get()
  queue.close()
  lease.retry()
  expect(await waiting).toBe(7)
})

it('joins when each get was answered by taskDone, and not before', async () => {
  const queue = opened(new JoinableQueue<number>())
  expect(await queue.join()).toBe(true)
  await queue.putMany([1, 2])
  expect(queue.joinSync({ timeout: 2 })).toBe(false)
  await queue.getMany(2)
  queue.taskDone()
  expect(await queue.join({ timeout: 2 })).toBe(false)
  const joining = queue.join()
  queue.taskDone()
  expect(await joining).toBe(true)
  expect(queue.joinSync()).toBe(true)
  expect(() => queue.taskDone()).toThrow(/once for each get/)
  expect(queue.lost).toBe(0)
})

it('settles a leased item of a joinable queue by done', async () => {
  const queue = opened(new JoinableQueue<number>())
  await queue.put(1)
  const lease = await queue.lease()
  const joining = queue.join()
  lease.done()
  expect(await joining).toBe(true)
})

it('is plain with SimpleQueue', async () => {
  const queue = opened(new SimpleQueue<number>())
  await queue.put(1)
  queue.putSync(2)
  expect([await queue.get(), queue.getSync(), queue.empty()]).toEqual([1, 2, true])
})
