import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decode, encode, remoteInfo } from '@multiproc/core'
import { eventually } from '@multiproc/testing'
import { call } from '../../src/proxy.ts'
import { copy, sameReferent, sync, type DictProxy } from '../../src/index.ts'
import { startHere } from './server.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

let here: ReturnType<typeof startHere>
beforeEach(() => {
  here = startHere()
})
afterEach(() => here.stop())

/** A proxy as it arrives elsewhere. */
function sent<T>(value: T): T {
  const encoded = encode(value)
  const bytes = Buffer.from(encoded.bytes)
  encoded.commit()
  return decode(bytes) as T
}

describe('calls', () => {
  it('are done in their order, and need one await', async () => {
    const dict = here.make('dict', new Map())
    dict.set(1, '1')
    dict.set('2', 2)
    expect(await dict.get(1)).toBe('1')
    const list = here.make('list', [])
    for (let i = 0; i < 500; i++) list.push(i)
    expect(await list.slice()).toEqual(Array.from({ length: 500 }, (_, i) => i))
  })

  it('of one object wait for its async update, those of others do not', async () => {
    const [slow, other] = [here.make('dict', new Map()), here.make('dict', new Map([['x', 1]]))]
    const order: string[] = []
    const note = (what: string) => () => void order.push(what)
    await Promise.all([
      slow.update('a', async () => { await new Promise((resolve) => setTimeout(resolve, 30)); return 1 }).then(note('update')),
      slow.update('a', (n: number) => n + 1).then(note('update 2')),
      slow.get('a').then((value: unknown) => order.push(`get ${value}`)),
      other.get('x').then(note('other')),
    ])
    expect(order).toEqual(['other', 'update', 'update 2', 'get 2'])
  })

  it('reject with what the server threw, rebuilt, and with where that was', async () => {
    class Unlucky extends Error {
      override name = 'Unlucky'
      readonly digits = [1, 3]
    }
    const dict = here.make('dict', new Map())
    const error = await dict.update('a', () => { throw new Unlucky('no') }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: 'Unlucky', message: 'no', digits: [1, 3] })
    expect(remoteInfo(error)).toEqual({ pid: process.pid, processName: 'test' })
    expect(error.stack).toContain('in process test')
    expect(await dict.size()).toBe(0)
  })

  it('refuse what cannot be sent by its path, with nothing sent', async () => {
    const dict = here.make('dict', new Map())
    await expect(dict.set('a', { onDone: Promise.resolve() })).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_SENDABLE', message: expect.stringContaining('args[1].onDone') })
    expect(await dict.size()).toBe(0)
  })

  it('whose arguments cannot be rebuilt in the server are that call\'s error', async () => {
    const dict = here.make('dict', new Map())
    const broken = { [Symbol.for('multiproc.reduce')]: () => [], constructor: class Broken { static [Symbol.for('multiproc.rebuild')]() { throw new RangeError('cannot rebuild') } } }
    Object.setPrototypeOf(broken, broken.constructor.prototype)
    await expect(dict.set('a', broken)).rejects.toThrow('cannot rebuild')
    expect(await dict.size()).toBe(0)
  })

  it('whose result cannot be sent say so', async () => {
    const dict = here.make('dict', new Map())
    await expect(dict.update('a', () => new WeakMap() as never)).rejects.toMatchObject({ code: 'ERR_MULTIPROC_ENCODING' })
  })

  it('of methods that are not exposed are refused by the server', async () => {
    const dict = here.make('dict', new Map())
    for (const name of ['constructor', '__proto__', 'forEach', '_x', '#run']) {
      await expect(call(dict, name, [])).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_FOUND' })
    }
  })

  it('cannot block the thread of the server', () => {
    expect(() => sync(here.make('dict', new Map()) as DictProxy).get(1)).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_DEADLOCK' }))
  })
})

describe('a failure that nobody awaited', () => {
  const fail = () => { throw new RangeError('failed') }

  it('rejects the next awaited call of the same proxy, once', async () => {
    const [dict, other] = [here.make('dict', new Map()), here.make('dict', new Map())]
    dict.update('a', fail)
    expect(await other.size()).toBe(0)
    await expect(dict.size()).rejects.toMatchObject({ message: expect.stringContaining('failed'), cause: { name: 'RangeError' } })
    expect(await dict.size()).toBe(0)
  })

  it('can still be awaited by itself', async () => {
    const dict = here.make('dict', new Map())
    const late = dict.update('a', fail)
    await here.make('dict', new Map()).size()
    await expect(late).rejects.toThrow('failed')
    expect(await dict.size()).toBe(0)
  })

  it('does not reject calls that were made before it', async () => {
    const dict = here.make('dict', new Map())
    const before = dict.size()
    dict.update('a', fail)
    await here.make('dict', new Map()).size()
    expect(await before).toBe(0)
    await expect(dict.size()).rejects.toThrow('failed')
  })

  it('of an assignment does so as well', async () => {
    const space = here.make('namespace', {})
    expect(() => (space._x = 1)).toThrow(RangeError)
    expect(() => (space.x = Symbol('local'))).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_NOT_SENDABLE' }))
    space.x = 1
    expect(await space.x).toBe(1)
  })
})

describe('proxies', () => {
  it('can be put into other objects, and are live there', async () => {
    const [outer, inner] = [here.make('list', []), here.make('dict', new Map())]
    await outer.push(inner, { deep: inner })
    const found = await outer.at(0)
    await found.set('a', 1)
    expect(await inner.get('a')).toBe(1)
    expect(sameReferent(found, inner)).toBe(true)
    expect(sameReferent(found, outer)).toBe(false)
    const [first, second] = (await copy(outer)) as [object, { deep: object }]
    expect(sameReferent(first, second.deep)).toBe(true)
  })

  it('can be sent by the hundred in one message', async () => {
    const list = here.make('list', [])
    await list.push(...Array.from({ length: 300 }, (_, i) => here.make('value', i)))
    const proxies = (await copy(list)) as { get(): Promise<number> }[]
    expect(await Promise.all(proxies.map((proxy) => proxy.get()))).toEqual(Array.from({ length: 300 }, (_, i) => i))
  })

  it('answer neither then nor constructor nor private names', async () => {
    const space = here.make('namespace', { x: 1 })
    expect([space.then, space.constructor, space._x, space.__proto__]).toEqual([undefined, undefined, undefined, undefined])
    expect(await space).toBe(space)
    for (const type of ['dict', 'list', 'set', 'value'] as const) expect(here.make(type, []).then).toBeUndefined()
    const [arrived] = sent([space])
    arrived.y = 2
    delete arrived.x
    expect(await copy(space)).toEqual({ y: 2 })
  })

  it('are told from other things', async () => {
    await expect(copy({} as never)).rejects.toMatchObject({ code: 'ERR_MULTIPROC_ARG_TYPE' })
    expect(() => sameReferent(here.make('dict', new Map()), null as never)).toThrow(TypeError)
  })
})

describe('an object', () => {
  it('stays while a message or a container refers to it, and goes with the last proxy', async () => {
    const { registry } = here.server
    const keep = here.make('list', [])
    let bytes = await (async () => {
      const dict = here.make('dict', new Map([['a', 1]]))
      await keep.push(here.make('set', new Set()))
      const encoded = encode(dict)
      const copied = Buffer.from(encoded.bytes)
      encoded.commit()
      return copied
    })()
    await settled()
    expect(registry.size).toBe(3)
    await (async () => {
      const arrived = decode(bytes) as { get(key: string): Promise<number> }
      bytes = Buffer.alloc(0)
      expect(await arrived.get('a')).toBe(1)
      await keep.pop()
    })()
    await eventually('both are gone', () => {
      collect()
      return registry.size === 1
    })
    expect(await keep.length()).toBe(0)
  })

  it('goes when the only thread that refers to it dies', async () => {
    const { registry } = here.server
    const list = here.make('list', ['x'])
    const encoded = encode(list)
    const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: Buffer.from(encoded.bytes), execArgv: ['--conditions=@multiproc/source'] })
    encoded.commit()
    const created = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
    expect(created).toEqual({ length: 2, sync: 'y' })
    expect(registry.size).toBe(2)
    await worker.terminate()
    await eventually('it is gone', () => registry.size === 1)
    expect(await list.at(-1)).toBe('y')
  })

  async function settled(): Promise<void> {
    for (let i = 0; i < 5; i++) {
      collect()
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
})
