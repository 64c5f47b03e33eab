import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BaseManager, copy, SyncManager } from '../../src/index.ts'
import { call } from '../../src/proxy.ts'
import { definitionsOf } from '../../src/registrations.ts'
import { startHere } from './server.ts'

class Counter {
  private n: number
  readonly list: string[] = []
  constructor(n = 0) {
    this.n = n
  }
  add(by = 1): number {
    return (this.n += by)
  }
  get total(): number {
    return this.n
  }
  async later(): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, 5))
    return this.n
  }
  *upTo(end: number): Generator<number, string> {
    for (let i = this.n; i < end; i++) yield i
    return 'done'
  }
  async *slowly(): AsyncGenerator<string> {
    yield 'a'
    yield 'b'
  }
  child(): Counter {
    return new Counter(this.n + 1)
  }
  names(): string[] {
    return this.list
  }
  fail(): never {
    throw new RangeError('no')
  }
  _secret(): string {
    return 'secret'
  }
}

let ended = 0
const endless = {
  *steps(): Generator<number> {
    try {
      for (let i = 0; ; i++) yield i
    } finally {
      ended++
    }
  },
}

let here: ReturnType<typeof startHere>
beforeEach(() => {
  here = startHere({
    counter: { make: Counter, returns: { child: 'counter', names: 'list' } },
    narrow: { make: Counter, exposed: ['add', 'list'] },
    shared: { make: () => endless },
    later: { make: async (value: number) => ({ value: () => value }) },
    broken: { make: () => { throw new RangeError('cannot be made') } },
    nothing: { make: () => 5 },
  })
})
afterEach(() => here.stop())

describe('an object of a registered class', () => {
  it('has its methods, sync and async, and its getters', async () => {
    const counter = here.make('counter', 5)
    counter.add()
    expect(await counter.add(2)).toBe(8)
    expect(await counter.total).toBe(8)
    expect(await counter.later()).toBe(8)
    await expect(counter.fail()).rejects.toMatchObject({ name: 'RangeError', message: 'no' })
  })

  it('gives generators as async iterators, to be left early', async () => {
    const counter = here.make('counter', 1)
    const seen: number[] = []
    for await (const n of counter.upTo(4)) seen.push(n)
    expect(seen).toEqual([1, 2, 3])
    const letters: string[] = []
    for await (const letter of counter.slowly()) letters.push(letter)
    expect(letters).toEqual(['a', 'b'])
    const steps = await counter.upTo(2)
    expect([await steps.next(), await steps.next()]).toEqual([{ value: 1, done: false }, { value: 'done', done: true }])
    const before = ended
    for await (const step of here.make('shared').steps()) if (step === 3) break
    expect(ended).toBe(before + 1)
  })

  it('returns proxies where that was registered, live ones', async () => {
    const counter = here.make('counter', 1)
    const child = await counter.child()
    expect(await child.add(10)).toBe(12)
    expect(await (await child.child()).total).toBe(13)
    const names = await counter.names()
    await names.push('x')
    expect(await copy(await counter.names())).toEqual(['x'])
  })

  it('has nothing private, nothing inherited from Object, and no way to its class', async () => {
    const counter = here.make('counter')
    expect([counter._secret, counter.constructor, counter.__proto__, counter.then, counter.prototype, counter.toString]).toEqual([undefined, undefined, undefined, undefined, undefined, undefined])
    for (const name of ['_secret', 'constructor', '__proto__', 'hasOwnProperty', 'toString', 'n', 'list', '#n', '#get', 'valueOf', '__defineGetter__', '']) {
      await expect(call(counter, name, [])).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_FOUND' })
      await expect(call(counter, '#get', [name])).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_FOUND' })
    }
    expect(() => { counter.total = 5 }).toThrow(TypeError)
    expect(await counter.total).toBe(0)
  })

  it('has only what is exposed, fields too', async () => {
    const narrow = here.make('narrow', 3)
    expect([await narrow.add(), await narrow.list]).toEqual([4, []])
    await expect(narrow.later()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_FOUND', message: expect.stringContaining('it has add, list') })
    await expect(narrow.total.then()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_FOUND' })
  })

  it('may be made by a function, also an async one, whose failure is told', async () => {
    const later = here.make('later', 7)
    expect(await later.value()).toBe(7)
    const broken = here.make('broken')
    await expect(broken.x()).rejects.toMatchObject({ name: 'RangeError', message: 'cannot be made' })
    await expect(broken.x()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_FOUND' })
    await expect(here.make('nothing').x()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_ARG_TYPE' })
    await expect(here.make('unknown').x()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_FOUND', details: { type: 'unknown' } })
  })

  it('cannot be one of the server\'s own iterators', async () => {
    await expect(here.make('iterator').next()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_FOUND' })
  })
})

describe('register', () => {
  it('adds to a class of a user\'s and its subclasses, copy on write', () => {
    class Own extends BaseManager {}
    class Derived extends Own {}
    expect(Own.register('counter', Counter)).toBe(Own)
    Derived.register('other', Counter)
    expect(Object.keys(definitionsOf(Own))).toEqual(['counter'])
    expect(Object.keys(definitionsOf(Derived)).sort()).toEqual(['counter', 'other'])
    expect('counter' in new Derived() && !('other' in new Own())).toBe(true)
  })

  it('of a class of the library makes a subclass, and nothing for the others', () => {
    class First extends BaseManager.register('mine', Counter) {}
    class Second extends BaseManager.register('mine', class Other {}).register('second', Counter) {}
    class Third extends SyncManager {}
    expect(definitionsOf(First)['mine']!.make).toBe(Counter)
    expect(Object.keys(definitionsOf(Second))).toEqual(['mine', 'second'])
    expect(Object.keys(definitionsOf(Third))).toEqual([])
    expect(Object.keys(definitionsOf(BaseManager))).toContain('mine')
    expect(First.name).toBe('First')
  })

  it('refuses what it cannot use, before anything happened', () => {
    class Own extends BaseManager {}
    for (const name of ['', '_x', 'constructor', 'then', 'start', 'shutdown', '__proto__']) expect(() => Own.register(name, Counter)).toThrow(RangeError)
    expect(() => SyncManager.register('dict', Counter)).toThrow(RangeError)
    expect(() => Own.register('x', 5 as never)).toThrow(TypeError)
    expect(() => Own.register('x', Counter, { exposed: ['_secret'] })).toThrow(RangeError)
    expect(() => Own.register('x', Counter, { exposed: 'add' as never })).toThrow(TypeError)
    expect(() => Own.register('x', Counter, { methods: [] } as never)).toThrow(TypeError)
    expect(Object.keys(definitionsOf(Own))).toEqual([])
  })

  it('works before the start only for what is started later; a manager that was not started says so', async () => {
    class Own extends BaseManager.register('counter', Counter) {}
    expect(() => new Own().counter(1)).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_NOT_STARTED' }))
    await expect(new Own().ready()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_STARTED' })
    await new Own().shutdown()
  })
})
