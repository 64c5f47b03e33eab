import { afterEach, describe, expect, it } from 'vitest'
import { Empty, Full, Queue, ShutDown } from '../../src/index.ts'

const open: Queue<never>[] = []
function makeQueue<T = unknown>(...args: ConstructorParameters<typeof Queue>): Queue<T> {
  const queue = new Queue<T>(...args)
  open.push(queue as Queue<never>)
  return queue
}
afterEach(() => {
  for (const queue of open.splice(0)) queue.close()
})

describe('put and get', () => {
  it('gives items of every kind back in order, as copies', async () => {
    const queue = makeQueue()
    const item = { n: 1, deep: [new Date(0), new Map([[1, 'x']])] }
    await queue.put(item)
    queue.putSync('two')
    queue.putNowait(undefined)
    expect(queue.qsize()).toBe(3)
    const got = await queue.get()
    expect(got).toEqual(item)
    expect(got).not.toBe(item)
    expect(queue.getSync()).toBe('two')
    expect(queue.getNowait()).toBe(undefined)
    expect(queue.empty()).toBe(true)
  })

  it('carries an item that is larger than a segment', async () => {
    const queue = makeQueue<Uint8Array>()
    const large = Uint8Array.from({ length: 5_000_000 }, (_, i) => i % 251)
    await queue.put(large)
    await queue.put(Uint8Array.of(1))
    expect(Buffer.compare(await queue.get(), large)).toBe(0)
    expect(await queue.get()).toEqual(Uint8Array.of(1))
  })

  it('lets a get that waits have the next item, in the order of the gets', async () => {
    const queue = makeQueue<number>()
    const gets = [queue.get(), queue.get(), queue.get()]
    for (const n of [1, 2, 3]) await queue.put(n)
    expect(await Promise.all(gets)).toEqual([1, 2, 3])
  })

  it('lets a put that waits go on when an item is taken, in the order of the puts', async () => {
    const queue = makeQueue<number>(1)
    const puts = [1, 2, 3].map((n) => queue.put(n))
    const items = [await queue.get(), await queue.get(), await queue.get()]
    await Promise.all(puts)
    expect(items).toEqual([1, 2, 3])
  })

  it('encodes a waiting item at the call: later changes are not sent', async () => {
    const queue = makeQueue<{ n: number }>(1)
    await queue.put({ n: 0 })
    const item = { n: 1 }
    const waiting = queue.put(item)
    item.n = 2
    await queue.get()
    await waiting
    expect(await queue.get()).toEqual({ n: 1 })
  })

  it('passes a hundred thousand small items and gives their segments back', async () => {
    const queue = makeQueue<number>()
    for (let round = 0; round < 10; round++) {
      for (let n = 0; n < 10_000; n++) queue.putNowait(n)
      for (let n = 0; n < 10_000; n++) expect(queue.getNowait() === n).toBe(true)
    }
    expect(queue.qsize()).toBe(0)
  })
})

describe('limits', () => {
  it('throws Full and Empty at once when asked not to wait, and changes nothing', async () => {
    const queue = makeQueue<number>(1)
    expect(() => queue.getNowait()).toThrow(Empty)
    queue.putNowait(1)
    expect(() => queue.putNowait(2)).toThrow(Full)
    await expect(queue.put(2, { timeout: 0 })).rejects.toThrow(Full)
    expect(queue.qsize()).toBe(1)
    expect(queue.full()).toBe(true)
  })

  it('throws Full and Empty after the timeout', async () => {
    const queue = makeQueue<number>({ maxSize: 1 })
    await expect(queue.get({ timeout: 20 })).rejects.toThrow(Empty)
    expect(() => queue.getSync({ timeout: 20 })).toThrow(Empty)
    await queue.put(1)
    await expect(queue.put(2, { timeout: 20 })).rejects.toThrow(Full)
    expect(() => queue.putSync(2, { timeout: 20 })).toThrow(Full)
    expect(await queue.get()).toBe(1)
    expect(queue.empty()).toBe(true)
  })

  it('takes nothing when the wait is aborted', async () => {
    const queue = makeQueue<number>()
    const abort = new AbortController()
    const get = queue.get({ signal: abort.signal })
    abort.abort('enough')
    await expect(get).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: 'enough' })
    await queue.put(1)
    expect(await queue.get()).toBe(1)
  })

  it('limits the bytes that wait', async () => {
    const queue = makeQueue<string>({ maxBytes: 1000 })
    await queue.put('x'.repeat(900))
    expect(() => queue.putNowait('y'.repeat(900))).toThrow(Full)
    await queue.get()
    queue.putNowait('y'.repeat(900))
  })
})

describe('bad input', () => {
  it('names the argument and what to write', () => {
    expect(() => new Queue('3' as never)).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_ARG_TYPE' }))
    expect(() => new Queue(1.5)).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_ARG_VALUE' }))
    expect(() => new Queue({ maxsize: 3 } as never)).toThrow(/maxSize/)
    const queue = makeQueue()
    expect(() => queue.getSync(1000 as never)).toThrow(/\{ timeout: 1000 \}/)
    expect(() => queue.getSync({ timeout: -1 })).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_ARG_VALUE' }))
  })

  it('rejects the put of an item that cannot be sent, with its path, and nothing else', async () => {
    const queue = makeQueue()
    await expect(queue.put({ list: [1, new WeakMap()] })).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_SENDABLE', message: expect.stringContaining('list[1]') })
    await queue.put('fine')
    expect(await queue.get()).toBe('fine')
  })
})

describe('close and shutdown', () => {
  it('throws after close, and rejects what waits', async () => {
    const queue = new Queue<number>()
    const get = queue.get()
    queue.close()
    queue.close()
    await expect(get).rejects.toMatchObject({ code: 'ERR_MULTIPROC_CLOSED' })
    expect(() => queue.qsize()).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_CLOSED' }))
  })

  it('drains after a shutdown, then ends gets, puts and loops', async () => {
    const queue = makeQueue<number>()
    await queue.put(1)
    await queue.put(2)
    const seen: number[] = []
    const loop = (async () => {
      for await (const item of queue) seen.push(item)
    })()
    queue.shutdown()
    await expect(queue.put(3)).rejects.toThrow(ShutDown)
    await loop
    expect(seen).toEqual([1, 2])
    await expect(queue.get()).rejects.toThrow(ShutDown)
  })

  it('wakes gets that wait when it is shut down, and drops what is there when told so', async () => {
    const queue = makeQueue<number>()
    const get = queue.get()
    queue.shutdown()
    await expect(get).rejects.toThrow(ShutDown)
    const other = makeQueue<number>()
    await other.put(1)
    other.shutdown({ immediate: true })
    await expect(other.get()).rejects.toThrow(ShutDown)
  })

  it('takes one item per turn of a loop, and none after break', async () => {
    const queue = makeQueue<number>()
    for (const n of [1, 2, 3]) await queue.put(n)
    for await (const item of queue) {
      expect(item).toBe(1)
      break
    }
    expect(await queue.get()).toBe(2)
  })
})

it('puts nothing when a getter of the item closes the queue', async () => {
  for (const put of ['put', 'putSync'] as const) {
    const queue = new Queue<unknown>()
    const next: Queue<unknown>[] = []
    const item = {
      get x() {
        queue.close()
        next.push(new Queue()) // likely in the memory of the first
        return 1
      },
    }
    await expect((async () => queue[put](item))()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_CLOSED' })
    expect(next[0]?.qsize()).toBe(0)
    next[0]?.close()
  }
})
