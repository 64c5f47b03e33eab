import { describe, expect, it } from 'vitest'
import { catalog } from '../../src/types/catalog.ts'

const context = { client: {}, signal: new AbortController().signal, isGone: false }

function made(name: string, ...args: unknown[]) {
  const { type } = catalog.get(name)!
  const referent: unknown = type.create(args)
  return {
    call: (method: string, ...args: unknown[]) => type.method(referent, method)!(referent, context, args),
    contents: () => type.copy!(referent),
  }
}

describe('dict', () => {
  it('keeps the types of its keys', () => {
    const dict = made('dict', new Map())
    dict.call('set', 1, 'number')
    dict.call('set', '1', 'string')
    expect([dict.call('get', 1), dict.call('get', '1'), dict.call('size')]).toEqual(['number', 'string', 2])
  })

  it('answers as a Map does', () => {
    const dict = made('dict', new Map([['a', 1]]))
    expect([dict.call('has', 'a'), dict.call('delete', 'a'), dict.call('delete', 'a'), dict.call('get', 'a')]).toEqual([true, true, false, undefined])
    dict.call('set', 'b', 2)
    expect([dict.call('keys'), dict.call('values'), dict.call('entries')]).toEqual([['b'], [2], [['b', 2]]])
    dict.call('clear')
    expect(dict.contents()).toEqual(new Map())
  })

  it('updates by a function, and once its promise has come', async () => {
    const dict = made('dict', new Map([['a', 1]]))
    expect(dict.call('update', 'a', (n: number) => n + 1)).toBe(2)
    expect(await dict.call('update', 'new', async (n = 40) => n + 2)).toBe(42)
    expect(dict.contents()).toEqual(new Map([['a', 2], ['new', 42]]))
  })

  it('sets nothing when the function throws', () => {
    const dict = made('dict', new Map([['a', 1]]))
    expect(() => dict.call('update', 'a', () => { throw new Error('no') })).toThrow('no')
    expect(dict.contents()).toEqual(new Map([['a', 1]]))
  })
})

describe('list', () => {
  it('answers as an array does', () => {
    const list = made('list', [3, 1, 2])
    list.call('sort')
    list.call('reverse')
    expect(list.contents()).toEqual([3, 2, 1])
    expect([list.call('push', 0, -1), list.call('pop'), list.call('shift'), list.call('unshift', 9, 8)]).toEqual([5, -1, 3, 5])
    expect([list.call('at', -1), list.call('slice', 0, 2), list.call('indexOf', 8), list.call('includes', 7), list.call('length')]).toEqual([0, [9, 8], 1, false, 5])
    expect(list.call('splice', 1, 2, 'x')).toEqual([8, 2])
    expect(list.contents()).toEqual([9, 'x', 1, 0])
  })

  it('sets and inserts only at places that are there', () => {
    const list = made('list', ['a', 'b'])
    list.call('set', -1, 'z')
    list.call('insert', 2, 'end')
    list.call('insert', 0, 'start')
    expect(list.contents()).toEqual(['start', 'a', 'z', 'end'])
    for (const index of [4, -5, 1.5, NaN]) expect(() => list.call('set', index, 0)).toThrow(RangeError)
    expect(() => list.call('insert', 5, 0)).toThrow(RangeError)
    expect(() => list.call('set', '0', 0)).toThrow(TypeError)
    expect(list.call('length')).toBe(4)
  })
})

describe('set, value and namespace', () => {
  it('keep what they are given', () => {
    const set = made('set', new Set([1]))
    set.call('add', 1)
    set.call('add', 2)
    expect([set.call('size'), set.call('has', 2), set.call('delete', 1), set.call('values')]).toEqual([2, true, true, [2]])
    const value = made('value', 1)
    value.call('set', { deep: [1] })
    expect([value.call('get'), value.contents()]).toEqual([{ deep: [1] }, { deep: [1] }])
    const space = made('namespace', { x: 1 })
    space.call('set', 'y', 2)
    space.call('delete', 'x')
    expect([space.call('get', 'y'), space.call('get', 'toString'), space.contents()]).toEqual([2, undefined, { y: 2 }])
  })

  it('have no private fields, and none that would change what they are', () => {
    const space = made('namespace', {})
    for (const name of ['_x', '__proto__', 'constructor', 'prototype', 'then', 1, Symbol.iterator]) {
      expect(() => space.call('set', name, 1)).toThrow(RangeError)
      expect(() => space.call('get', name)).toThrow(RangeError)
    }
    expect(() => made('namespace', { _x: 1 })).toThrow(RangeError)
  })
})

describe('the types', () => {
  it('have no methods but what is exposed', () => {
    const hostile = ['constructor', '__proto__', '__defineGetter__', 'hasOwnProperty', 'toString', 'valueOf', 'then', '_get', 'forEach', '#copy', '']
    for (const { type } of catalog.values()) for (const name of hostile) expect(type.method(undefined, name)).toBeUndefined()
  })
})
