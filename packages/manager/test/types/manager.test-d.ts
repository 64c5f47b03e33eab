import { expectTypeOf } from 'vitest'
import { copy, copySync, Manager, sync, type DictProxy, type ListProxy } from '../../src/index.ts'

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
Manager({ address: '' })
