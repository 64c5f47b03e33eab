import { inspect } from 'node:util'
import { argumentType, argumentValue, MultiprocError } from '@multiproc/core'
import { GET } from '../protocol.ts'
import { call, ManagedProxy } from '../proxy.ts'
import { isThenable } from './managed-type.ts'
import type { ManagedType, Method } from './managed-type.ts'

/** A type of a user's: what `register` was told. It is sent to the server as it is. */
export interface Definition {
  /** A class, or a function that makes the object. None: it can only be asked for, of a server elsewhere. */
  readonly make: Function | undefined
  readonly exposed: readonly string[] | undefined
  readonly returns: Readonly<Record<string, string>> | undefined
}

/** Never reached, whatever is exposed: what is private, and what leads away from the object. */
export function isPublic(name: string): boolean {
  return !name.startsWith('_') && !name.startsWith('#') && !forbidden.has(name)
}

const forbidden = new Set(['constructor', 'prototype', 'then', 'caller', 'callee', 'arguments', 'toString', 'valueOf', 'toLocaleString', 'toJSON', 'hasOwnProperty', 'isPrototypeOf', 'propertyIsEnumerable'])

/** How the server treats objects of a user's type: all its public methods and getters can be called, or what is exposed. */
export function registered(name: string, { make, exposed, returns }: Definition): ManagedType<object> {
  const surfaces = new WeakMap<object, Surface>()
  const surfaceOf = (object: object): Surface => {
    let known = surfaces.get(object)
    if (known === undefined) surfaces.set(object, (known = surface(object, exposed)))
    return known
  }
  return {
    create(args) {
      if (make === undefined) throw new MultiprocError('ERR_MULTIPROC_NOT_FOUND', `manager.${name}() failed: the server knows no class or function for this type. Register it with one there.`)
      const made: unknown = isClass(make) ? Reflect.construct(make, args) : make(...args)
      return isThenable(made) ? Promise.resolve(made).then((object) => checkObject(name, object)) : checkObject(name, made)
    },
    copy: (object) => object,
    show: (object) => ({ text: inspect(object, { depth: 2 }) }),
    method: (object, method) => (surfaceOf(object).methods.has(method) ? callOwn(method) : undefined),
    field: (object, field) => (surfaceOf(object).fields.has(field) ? { value: (object as Record<string, unknown>)[field] } : undefined),
    names: (object) => ({ methods: [...surfaceOf(object).methods], fields: [...surfaceOf(object).fields] }),
    isSerial: false,
    returns,
  }
}

/** The same for all that were registered. */
export function registeredTypes(definitions: Readonly<Record<string, Definition>>): ReadonlyMap<string, ManagedType> {
  return new Map(Object.entries(definitions).map(([name, definition]) => [name, registered(name, definition)]))
}

interface Surface {
  readonly methods: ReadonlySet<string>
  readonly fields: ReadonlySet<string>
}

function surface(object: object, exposed: readonly string[] | undefined): Surface {
  const [methods, fields] = [new Set<string>(), new Set<string>()]
  const add = (name: string, descriptor: PropertyDescriptor): void => {
    if (!isPublic(name) || methods.has(name) || fields.has(name)) return
    if (typeof descriptor.value === 'function') methods.add(name)
    else if (descriptor.get !== undefined || exposed !== undefined) fields.add(name)
  }
  for (let level: object | null = object; level !== null && level !== Object.prototype && level !== Function.prototype; level = Object.getPrototypeOf(level) as object | null) {
    for (const name of exposed ?? Object.getOwnPropertyNames(level)) {
      const descriptor = Object.getOwnPropertyDescriptor(level, name)
      if (descriptor !== undefined) add(name, descriptor)
    }
  }
  return { methods, fields }
}

function callOwn(name: string): Method {
  return (object: Record<string, (...args: readonly unknown[]) => unknown>, _, args) => object[name]!(...args)
}

function checkObject(name: string, made: unknown): object {
  if ((typeof made === 'object' && made !== null) || typeof made === 'function') return made
  throw argumentType(`manager.${name}(): what its function returned`, 'an object', made)
}

/** Classes, also those of the runtime, cannot be called; their `prototype` is fixed. */
function isClass(fn: Function): boolean {
  return Object.getOwnPropertyDescriptor(fn, 'prototype')?.writable === false
}

/** A generator that a method returned: the caller goes through it by calls. */
export const iterator: ManagedType<Iterator<unknown> | AsyncIterator<unknown>> = {
  create: () => {
    throw argumentValue('manager: type', 'one that can be made', 'iterator')
  },
  method: (_, name) => iteratorMethods.get(name),
  names: () => ({ methods: [...iteratorMethods.keys()], fields: [] }),
  show: () => ({ text: '{}' }),
  isSerial: true,
  dispose: (steps) => steps.return?.(),
}

type Steps = Iterator<unknown> & AsyncIterator<unknown>
const iteratorMethods = new Map<string, Method>([
  ['next', (steps: Steps, _, args) => steps.next(...(args as []))],
  ['return', (steps: Steps, _, [value]) => steps.return?.(value) ?? { done: true, value }],
  ['throw', (steps: Steps, _, [error]) => {
    if (steps.throw === undefined) throw error
    return steps.throw(error)
  }],
])

export function isIterator(value: unknown): value is Iterator<unknown> | AsyncIterator<unknown> {
  if (typeof value !== 'object' || value === null || typeof (value as { next?: unknown }).next !== 'function') return false
  return Symbol.iterator in value || Symbol.asyncIterator in value
}

/** What a generator method of a managed object returned. Leaving the loop early ends the generator, in the server. */
export class IteratorProxy<T = unknown, R = unknown> implements AsyncIterableIterator<T, R, any> {
  next(...args: [] | [unknown]): Promise<IteratorResult<T, R>> {
    return call(this, 'next', args)
  }

  return(value?: R | PromiseLike<R>): Promise<IteratorResult<T, R>> {
    return Promise.resolve(value).then((value) => call(this, 'return', [value]))
  }

  throw(error?: unknown): Promise<IteratorResult<T, R>> {
    return call(this, 'throw', [error])
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  [inspect.custom](): string {
    return '<iterator of a managed object>'
  }
}

export class ObjectReferent extends ManagedProxy {}

/**
 * A proxy of an object whose methods only the server knows: each name is one to call, or to read with await. `bind` is to be
 * called for what it returns.
 */
export function makeObject(): object {
  const members = new Map<string, Function>()
  const proxy: object = new Proxy(new ObjectReferent(), {
    get(target, name) {
      if (typeof name === 'symbol') return Reflect.get(target, name)
      if (!isPublic(name)) return undefined
      let member = members.get(name)
      if (member === undefined) members.set(name, (member = memberOf(proxy, name)))
      return member
    },
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
    setPrototypeOf: () => false,
    preventExtensions: () => false,
  })
  return proxy
}

function memberOf(proxy: object, name: string): Function {
  const read = (): Promise<unknown> => call(proxy, GET, [name])
  const member = (...args: unknown[]): Promise<unknown> => iterable(call(proxy, name, args))
  return Object.assign(member, {
    then: (fulfilled?: never, rejected?: never) => read().then(fulfilled, rejected),
    catch: (rejected?: never) => read().catch(rejected),
    finally: (ended?: never) => read().finally(ended),
  })
}

/** So that what a generator method returns can be gone through without an await before it. */
function iterable(reply: Promise<unknown>): Promise<unknown> {
  let steps: Promise<AsyncIterator<unknown>> | undefined
  const iterator = (): Promise<AsyncIterator<unknown>> => (steps ??= reply.then(stepsOf))
  const forward = (name: 'next' | 'return' | 'throw') => async (...args: unknown[]) => {
    const target = await iterator()
    return (target[name] as (...args: unknown[]) => unknown).apply(target, args)
  }
  return Object.assign(reply, { next: forward('next'), return: forward('return'), throw: forward('throw'), [Symbol.asyncIterator]: () => reply })
}

function stepsOf(value: unknown): AsyncIterator<unknown> {
  const open = (value as { [Symbol.asyncIterator]?: () => AsyncIterator<unknown> } | null | undefined)?.[Symbol.asyncIterator]
  if (typeof open !== 'function') throw argumentType('for await: what the method returned', 'a generator, or a proxy that can be gone through', value)
  return open.call(value)
}
