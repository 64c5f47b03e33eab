import { afterAll, beforeAll, expect, it } from 'vitest'
import { encode, functionShipper, MultiprocError, registerFunctions, registerReducer, type FunctionShipper } from '@multiproc/core'
import { roundTrip } from './round-trip.ts'

/** Sends every function as itself (same thread), with what `parts` says it captured; counts what is asked of it. */
const parts = new WeakMap<Function, unknown[]>()
const filled = new Map<string, readonly unknown[]>()
const needs = new WeakMap<Function, Function>()
const originals: Function[] = []
let describedTimes = 0

class Secret {
  #x = 1
  get x() {
    return this.#x
  }
}

const sameThread: FunctionShipper = {
  describe(fn, table) {
    describedTimes++
    if (fn === Math.max) throw new MultiprocError('ERR_MULTIPROC_NO_SOURCE', 'it is native', { details: { path: '[[here]]' } })
    const base = needs.get(fn)
    const head = { original: originals.push(fn) - 1, base: base === undefined ? -1 : table.indexOf(base) }
    const captured = parts.get(fn) ?? []
    return { head, parts: captured, partPaths: captured.map((_, i) => `[[captured ${i}]]`) }
  },
  async preload() {},
  create(heads) {
    const functions = (heads as { original: number }[]).map(({ original }) => originals[original] as Function)
    return { functions, fill: (index, got) => filled.set((functions[index] as Function).name, got) }
  },
  hasPrivateState: (Class) => Class === Secret,
}

let before: FunctionShipper | undefined
beforeAll(() => {
  before = functionShipper()
  registerFunctions(sameThread)
})
afterAll(() => registerFunctions(before as FunctionShipper))

class Point {
  x: number
  y: number
  constructor(x: number, y: number) {
    this.x = x
    this.y = y
  }
  sum() {
    return this.x + this.y
  }
}

it('describes each function of a message once, however often it appears', () => {
  const fn = () => 1
  describedTimes = 0
  const copy = roundTrip([fn, fn, { fn }])
  expect(copy).toEqual([fn, fn, { fn }])
  expect(describedTimes).toBe(1)
})

it('sends instances: prototype by the class, own fields by value, without running a constructor', () => {
  const a = new Point(1, 2)
  const copy = roundTrip([a, a])
  expect(copy[0]).not.toBe(a)
  expect(copy[0]).toBe(copy[1])
  expect((copy[0] as Point).sum()).toBe(3)
  expect(copy[0]).toBeInstanceOf(Point)
})

it('sends instances of classes that extend built-in ones, with their own fields', () => {
  class Tagged extends Map<string, unknown> {
    tag = 'a'
    override set(): this {
      throw new Error('must not run')
    }
  }
  const map = new Tagged()
  Map.prototype.set.call(map, 'self', map)
  const copy = roundTrip(map)
  expect(copy).toBeInstanceOf(Tagged)
  expect(copy.get('self')).toBe(copy)
  expect(copy.tag).toBe('a')
  class List extends Array<number> {
    unit = 'ms'
  }
  const list = roundTrip(Object.assign(new List(), { 0: 5, 1: 6, length: 2 }))
  expect(list).toBeInstanceOf(List)
  expect([list.length, list[1], list.unit]).toEqual([2, 6, 'ms'])
  class Bytes extends Uint8Array {}
  const [bytes, buffer] = roundTrip([new Bytes([1, 2]), new Bytes(3).buffer] as const)
  expect(bytes).toBeInstanceOf(Bytes)
  expect([bytes[1], buffer.byteLength]).toEqual([2, 3])
})

it("sends a user's errors as their own class, with cause and fields", () => {
  class HttpError extends TypeError {
    status = 500
  }
  const error = new HttpError('no', { cause: new HttpError('why') })
  const copy = roundTrip(error)
  expect(copy).toBeInstanceOf(HttpError)
  expect(copy.cause).toBeInstanceOf(HttpError)
  expect(copy).toMatchObject({ status: 500, message: 'no', stack: error.stack })
  class Ours extends MultiprocError {}
  expect(roundTrip(new Ours('ERR_MULTIPROC_EOF', 'x')).constructor).toBe(Ours)
})

it('fills functions after they exist, so that cycles through them hold', () => {
  const config: { get?: Function; list: unknown[] } = { list: [] }
  const get = () => config
  config.get = get
  config.list.push(config)
  parts.set(get, [config, get])
  const copy = roundTrip(config)
  expect(copy.get).toBe(get)
  expect(filled.get('get')?.[0]).toBe(copy)
  expect(filled.get('get')?.[1]).toBe(get)
})

it('lets a class hold an instance of itself', () => {
  class Config {
    static standard: Config
    name = 'standard'
  }
  class Registry extends Map {
    static main: Registry
  }
  Config.standard = new Config()
  Registry.main = new Registry()
  parts.set(Config, [Config.standard])
  parts.set(Registry, [Registry.main])
  const [config, registry] = roundTrip([Config.standard, Registry.main])
  expect(filled.get('Config')?.[0]).toBe(config)
  expect(filled.get('Registry')?.[0]).toBe(registry)
})

it('fills what a function needs before the function', () => {
  const order: string[] = []
  const base = function base() {}
  const derived = function derived() {}
  needs.set(derived, base)
  parts.set(base, ['b'])
  parts.set(derived, ['d'])
  filled.clear()
  roundTrip([derived])
  order.push(...filled.keys())
  expect(order).toEqual(['base', 'derived'])
})

it('names the path through a function to what cannot be sent', () => {
  const callback = () => 1
  parts.set(callback, [1, { inner: new WeakMap() }])
  expect(() => encode([{ callback }], 'args')).toThrow('args[0].callback[[captured 1]].inner is a WeakMap')
})

it('puts the path before what the package for functions refuses', () => {
  expect(() => encode({ args: [Math.max] }, '')).toThrow(
    expect.objectContaining({ code: 'ERR_MULTIPROC_NO_SOURCE', message: 'args[0][[here]]: it is native', details: { path: 'args[0][[here]]' } }),
  )
})

it('refuses instances with private state, and takes them with a reducer', () => {
  expect(() => encode([new Secret()], 'args')).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_PRIVATE_STATE', details: { path: 'args[0]' } }))
  registerReducer(Secret, { reduce: (secret) => [secret.x], rebuild: (_x) => new Secret() })
  expect(roundTrip(new Secret())).toBeInstanceOf(Secret)
})

it('uses the reducer a class brings itself, subclasses included', () => {
  class Money {
    cents: number
    constructor(cents: number) {
      this.cents = cents
    }
    [Symbol.for('multiproc.reduce')]() {
      return [this.cents]
    }
    static [Symbol.for('multiproc.rebuild')](cents: number) {
      return new this(cents)
    }
  }
  class Euro extends Money {}
  const euro = new Euro(5)
  const copy = roundTrip({ a: euro, b: euro, c: new Money(1) })
  expect(copy.a).toBeInstanceOf(Euro)
  expect(copy.a.cents).toBe(5)
  expect(copy.a).toBe(copy.b)
  expect(copy.c).not.toBeInstanceOf(Euro)
})

it('refuses a reducer that leads back to its own value, or gives no parts', () => {
  class Loop {
    [Symbol.for('multiproc.reduce')]() {
      return [[this]]
    }
    static [Symbol.for('multiproc.rebuild')]() {}
  }
  expect(() => encode(new Loop())).toThrow('its own reducer leads back to')
  class Lazy {
    [Symbol.for('multiproc.reduce')]() {
      return 5
    }
    static [Symbol.for('multiproc.rebuild')]() {}
  }
  expect(() => encode(new Lazy())).toThrow(TypeError)
  expect(() => registerReducer(5 as never, {} as never)).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_ARG_TYPE' }))
})

it('reaches 499 levels of instances and of own errors', () => {
  class Node {
    next: unknown
  }
  class Wrapped extends Error {}
  for (const wrap of [(next: unknown) => Object.assign(new Node(), { next }), (cause: unknown) => new Wrapped('x', { cause })]) {
    let value: unknown = 1
    for (let i = 0; i < 499; i++) value = wrap(value)
    expect(() => roundTrip(value)).not.toThrow()
  }
})
