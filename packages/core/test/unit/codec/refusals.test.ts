import { EventEmitter } from 'node:events'
import { createServer, Socket } from 'node:net'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { encode, MultiprocError } from '@multiproc/core'

class Task {
  get [Symbol.for('multiproc.unsendable')](): string {
    return 'Send its name.'
  }
}

function refused(value: unknown, root?: string): MultiprocError {
  try {
    encode(value, root)
  } catch (error) {
    expect(error).toBeInstanceOf(MultiprocError)
    return error as MultiprocError
  }
  throw new Error('was not refused')
}

const buffer = new ArrayBuffer(8)
structuredClone(buffer, { transfer: [buffer] })

const kinds: [unknown, string][] = [
  [new WeakMap(), 'a WeakMap'],
  [new WeakSet(), 'a WeakSet'],
  [new WeakRef({}), 'a WeakRef'],
  [Promise.resolve(), 'a Promise'],
  [new Proxy({}, {}), 'a Proxy'],
  [new Proxy([], {}), 'a Proxy'],
  [new Proxy(new Map(), {}), 'a Proxy'],
  [(function* () {})(), 'a generator'],
  [(async function* () {})(), 'a generator'],
  [[1].values(), 'an iterator'],
  [new Map().keys(), 'an iterator'],
  [''[Symbol.iterator](), 'an iterator'],
  [new Socket(), 'a Socket, a stream of this process'],
  [Readable.from([]), 'a Readable, a stream of this process'],
  [createServer(), 'a Server, which belongs to this process'],
  [new SharedArrayBuffer(8), 'a SharedArrayBuffer'],
  [new Uint8Array(new SharedArrayBuffer(8)), 'a SharedArrayBuffer'],
  [new MessageChannel().port1, 'a MessagePort'],
  [new AbortController().signal, 'an AbortSignal'],
  [new (class Bus extends EventTarget {})(), 'a Bus, which extends the built-in EventTarget'],
  [new Intl.NumberFormat(), 'a NumberFormat'],
  [new Blob([]), 'a Blob'],
  [new ReadableStream(), 'a ReadableStream'],
  [Symbol('mine'), 'a Symbol of this process'],
  [Object(Symbol.iterator), 'a boxed Symbol'],
  [new Task(), 'a Task'],
]

describe('names path and kind of', () => {
  for (const [value, kind] of kinds) {
    it(kind, () => {
      const error = refused([{ options: { onDone: value } }], 'args')
      expect(error.code).toBe('ERR_MULTIPROC_NOT_SENDABLE')
      expect(error.message.startsWith(`args[0].options.onDone`)).toBe(true)
      expect(error.message).toContain(` is ${kind}`)
      expect(error.details['path']).toMatch(/^args\[0\]\.options\.onDone/)
    })
  }
})

it('shows every kind of step in a path', () => {
  const bad = new WeakMap()
  expect(refused(bad).details['path']).toBe('value')
  expect(refused({ 'a b': { ünï: [bad] } }).details['path']).toBe('value["a b"].ünï[0]')
  expect(refused(new Map([['k', bad]])).details['path']).toBe('value.get("k")')
  expect(refused(new Map([[7, { x: bad }]])).details['path']).toBe('value.get(7).x')
  expect(refused(new Map([[bad, 1]])).details['path']).toBe('value.keys()')
  expect(refused(new Set([1, bad])).details['path']).toBe('value.values()[1]')
  expect(refused(new Error('x', { cause: [bad] })).details['path']).toBe('value.cause[0]')
  expect(refused(Object.assign(new Error('x'), { request: bad })).details['path']).toBe('value.request')
  expect(refused([{ a: { b: 1 } }, { c: bad }]).details['path']).toBe('value[1].c')
  expect(refused(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, i === 49 ? bad : i]))).details['path']).toBe('value.k49')
})

it('begins with the first property when the root has no name', () => {
  expect(refused({ args: [{ onDone: new WeakMap() }] }, '').details['path']).toBe('args[0].onDone')
})

it('tells what to send instead', () => {
  expect(refused(new SharedArrayBuffer(1)).message).toContain('SharedArray')
  expect(refused(new Task()).message).toBe('value is a Task: it cannot be sent to another process. Send its name.')
  expect(refused(Promise.resolve()).message).toContain('Await it first.')
})

it('refuses a detached buffer', () => {
  if (!('detached' in ArrayBuffer.prototype)) return
  expect(refused({ buffer }).message).toContain('a detached ArrayBuffer')
})

it('asks for the package that sends functions when there is none', () => {
  class Point {}
  for (const value of [() => 1, Point, new Point(), new (class extends Map {})(), new EventEmitter()]) {
    expect(refused([value], 'args')).toMatchObject({ code: 'ERR_MULTIPROC_NO_CLOSURE', details: { path: 'args[0]' } })
  }
})
