/**
 * Functions that can never change: everything they capture is a name, a primitive or such a function, and nothing was
 * put on them. Their heads are made into bytes once, at the second send; from then on a send copies these bytes, and a
 * receiver that has the function already looks at the id alone.
 */
import { encode, type FunctionRecord, type FunctionTable } from '@multiproc/core'
import { constantCaptures } from './capture.ts'
import type { Head } from './heads.ts'
import { idOf } from './identity.ts'

interface Sealed {
  readonly record: FunctionRecord
  /** The functions by value among them, as they were. */
  readonly members: readonly Shape[]
}

const sealed = new WeakMap<Function, Sealed>()

/** The record of a function known to be constant, unless something was put on it or on one that it calls. */
export function sealedRecord(fn: Function): FunctionRecord | undefined {
  const known = sealed.get(fn)
  if (known === undefined) return undefined
  for (const shape of known.members) {
    if (isAs(shape)) continue
    sealed.delete(fn)
    return undefined
  }
  return known.record
}

/** All functions by value that `fn` needs, if all are constant. `isNamed` tells those that travel by name. */
export function constantGraph(fn: Function, isNamed: (fn: Function) => boolean): Set<Function> | undefined {
  const graph = new Set([fn])
  for (const one of graph) {
    const captures = constantCaptures(one)
    if (captures === undefined || !isBare(one)) return undefined
    for (const callee of captures) if (!isNamed(callee)) graph.add(callee)
  }
  return graph
}

/** Makes the bytes, given how each function is described when it is not sealed. */
export function seal(fn: Function, graph: ReadonlySet<Function>, describe: (fn: Function, table: FunctionTable) => FunctionRecord): FunctionRecord | undefined {
  const list = [fn]
  const heads: Head[] = []
  const table: FunctionTable = {
    indexOf(one) {
      const known = list.indexOf(one)
      return known >= 0 ? known : list.push(one) - 1
    },
  }
  for (let index = 0; index < list.length; index++) {
    const { head, parts } = describe(list[index] as Function, table)
    if (parts.length > 0) return undefined
    heads.push({ ...(head as Head), ...((head as Head).kind === 'source' && { isConstant: true }) } as Head)
  }
  const head: Head = { kind: 'constant', id: idOf(fn), heads: Buffer.from(encode(heads, 'heads').bytes).toString('latin1') }
  const record = { head, parts: [], partPaths: [] }
  sealed.set(fn, { record, members: [...graph].map(shapeOf) })
  return record
}

/** What can be changed about a function beside its variables. */
interface Shape {
  readonly fn: Function
  readonly keys: number
  readonly chain: unknown
  readonly prototype: unknown
  readonly prototypeKeys: number
  readonly prototypeChain: unknown
}

function shapeOf(fn: Function): Shape {
  const prototype: unknown = fn.prototype
  const isObject = typeof prototype === 'object' && prototype !== null
  return {
    fn,
    keys: Reflect.ownKeys(fn).length,
    chain: Object.getPrototypeOf(fn),
    prototype,
    prototypeKeys: isObject ? Reflect.ownKeys(prototype).length : 0,
    prototypeChain: isObject ? Object.getPrototypeOf(prototype) : undefined,
  }
}

function isAs(shape: Shape): boolean {
  const { fn, prototype } = shape
  if (Reflect.ownKeys(fn).length !== shape.keys || Object.getPrototypeOf(fn) !== shape.chain) return false
  if (prototype === undefined) return true
  return fn.prototype === prototype && Reflect.ownKeys(prototype as object).length === shape.prototypeKeys && Object.getPrototypeOf(prototype) === shape.prototypeChain
}

/** Nothing of the user's stands on it. Classes never count: their methods can be replaced one by one. */
function isBare(fn: Function): boolean {
  for (const key of Reflect.ownKeys(fn)) {
    if (key !== 'length' && key !== 'name' && key !== 'prototype' && key !== 'arguments' && key !== 'caller') return false
  }
  const descriptor = Object.getOwnPropertyDescriptor(fn, 'prototype')
  if (descriptor === undefined) return true
  if (descriptor.writable !== true) return false
  const prototype: unknown = descriptor.value
  return typeof prototype !== 'object' || prototype === null || Reflect.ownKeys(prototype).every((key) => key === 'constructor')
}
