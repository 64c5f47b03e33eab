import { expectTypeOf } from 'vitest'
import { BaseManager, copy, copySync, Manager, sync, SyncManager, type DictProxy, type ListProxy, type ObjectProxy } from '../../src/index.ts'

const manager = Manager()

const dict = manager.dict([['a', 1]] as [string, number][])
expectTypeOf(dict).toEqualTypeOf<DictProxy<string, number>>()
expectTypeOf(manager.dict<string, number>({ a: 1 })).toEqualTypeOf<DictProxy<string, number>>()
expectTypeOf(manager.dict()).toEqualTypeOf<DictProxy<unknown, unknown>>()
expectTypeOf(await dict.get('a')).toEqualTypeOf<number | undefined>()
expectTypeOf(await dict.update('a', (n = 0) => n + 1)).toEqualTypeOf<number>()
expectTypeOf(await copy(dict)).toEqualTypeOf<Map<string, number>>()
expectTypeOf(sync(dict).get('a')).toEqualTypeOf<number | undefined>()
expectTypeOf([...sync(dict)]).toEqualTypeOf<[string, number][]>()
// @ts-expect-error a key of another type
dict.get(1)
// @ts-expect-error a value of another type
dict.set('a', 'b')

const list = manager.list([1, 2])
expectTypeOf(list).toEqualTypeOf<ListProxy<number>>()
expectTypeOf(await list.splice(0, 1, 5)).toEqualTypeOf<number[]>()
expectTypeOf(copySync(list)).toEqualTypeOf<number[]>()
expectTypeOf(sync(list).length()).toEqualTypeOf<number>()
for await (const item of list) expectTypeOf(item).toEqualTypeOf<number>()

const value = manager.value<number | null>(null)
value.value = 3
expectTypeOf(await value.value).toEqualTypeOf<number | null>()
expectTypeOf(sync(value).value).toEqualTypeOf<number | null>()

const space = manager.namespace<{ x: number; name?: string }>({ x: 1 })
space.name = 'n'
expectTypeOf(await space.x).toEqualTypeOf<number>()
// @ts-expect-error no such field
space.y = 1

const nested = manager.list<DictProxy<string, number>>([dict])
expectTypeOf((await nested.at(0))!.get('a')).resolves.toEqualTypeOf<number | undefined>()

// @ts-expect-error unknown option
Manager({ adress: '' })

class Counter {
  private secret = 1
  _hidden = 2
  readonly start: number
  constructor(start: number, label?: string) {
    this.start = start + (label?.length ?? 0)
  }
  add(by: number): number {
    return this.secret + by
  }
  async later(): Promise<string> {
    return ''
  }
  get total(): number {
    return 1
  }
  *steps(upTo: number): Generator<number, string> {
    yield upTo
    return ''
  }
  async *slow(): AsyncGenerator<string> {
    yield ''
  }
  child(): Counter {
    return this
  }
  index(): Map<string, number> {
    return new Map()
  }
}

class MyManager extends BaseManager.register('counter', Counter).register('tree', Counter, { returns: { child: 'counter', index: 'dict' } }).register('adder', (n: number) => ({ plus: (m: number) => n + m })) {}
const mine = new MyManager({ name: 'mine' }).start()
expectTypeOf(mine).toEqualTypeOf<MyManager>()
const counter = mine.counter(1, 'x')
expectTypeOf(counter).toEqualTypeOf<ObjectProxy<Counter>>()
expectTypeOf(counter.add(2)).toEqualTypeOf<Promise<number>>()
expectTypeOf(counter.later()).toEqualTypeOf<Promise<string>>()
expectTypeOf(counter.total).toEqualTypeOf<Promise<number>>()
for await (const step of counter.steps(3)) expectTypeOf(step).toEqualTypeOf<number>()
for await (const step of counter.slow()) expectTypeOf(step).toEqualTypeOf<string>()
expectTypeOf(await mine.tree(1).child()).toEqualTypeOf<ObjectProxy<Counter>>()
expectTypeOf(await mine.tree(1).index()).toEqualTypeOf<DictProxy<string, number>>()
expectTypeOf(await counter.index()).toEqualTypeOf<Map<string, number>>()
expectTypeOf(await mine.adder(1).plus(2)).toEqualTypeOf<number>()
expectTypeOf(sync(counter).add(1)).toEqualTypeOf<number>()
expectTypeOf(sync(counter).total).toEqualTypeOf<number>()
expectTypeOf(await copy(counter)).toEqualTypeOf<Counter>()
// @ts-expect-error an argument of another type
counter.add('1')
// @ts-expect-error wrong constructor arguments
mine.counter('1')
// @ts-expect-error private
void counter._hidden
// @ts-expect-error private
void counter.secret
// @ts-expect-error getters cannot be set
counter.total = 1
// @ts-expect-error not registered
mine.other()

class Narrow extends SyncManager.register('counter', Counter, { exposed: ['add'] }) {}
const narrow = new Narrow().start()
expectTypeOf(narrow.counter(1).add(1)).toEqualTypeOf<Promise<number>>()
expectTypeOf(narrow.dict<string, number>()).toEqualTypeOf<DictProxy<string, number>>()
// @ts-expect-error not exposed
narrow.counter(1).later()

const lock = manager.lock()
expectTypeOf(await lock.runExclusive(() => 5)).toEqualTypeOf<number>()
expectTypeOf(sync(lock).acquire({ timeout: 1 })).toEqualTypeOf<boolean>()
const jobs = manager.queue<string>(3)
expectTypeOf(await jobs.get()).toEqualTypeOf<string>()
expectTypeOf(sync(jobs).get()).toEqualTypeOf<string>()
for await (const job of jobs) expectTypeOf(job).toEqualTypeOf<string>()
expectTypeOf(await manager.array('d', 3).at(0)).toEqualTypeOf<number | undefined>()
expectTypeOf(await manager.array('bigint64', [1n]).at(0)).toEqualTypeOf<bigint | undefined>()
expectTypeOf(await manager.barrier(2).nWaiting).toEqualTypeOf<number>()
expectTypeOf(await manager.pool(2).map((x: number) => String(x), [1])).toEqualTypeOf<string[]>()
