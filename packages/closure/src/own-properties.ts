/** What was put on a function beside its source: properties, on itself and on its `.prototype`, and prototype chains. */
import { ACCESSOR, CONFIGURABLE, ENUMERABLE, WRITABLE, type OwnProperty } from './heads.ts'

/** Collects the parts of one function, each with its path for error texts. */
export class Parts {
  readonly values: unknown[] = []
  readonly paths: string[] = []

  add(value: unknown, path: string): void {
    this.values.push(value)
    this.paths.push(path)
  }
}

/** Lists the own properties of `object` that `skip` does not know, and adds their values to the parts. */
export function takeProperties(object: object, parts: Parts, path: string, skip: (key: PropertyKey, descriptor: PropertyDescriptor) => boolean): OwnProperty[] {
  const listed: OwnProperty[] = []
  for (const key of Reflect.ownKeys(object)) {
    const descriptor = Object.getOwnPropertyDescriptor(object, key) as PropertyDescriptor
    if (skip(key, descriptor)) continue
    const here = `${path}${typeof key === 'symbol' ? `[${String(key)}]` : /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`}`
    if (typeof key === 'symbol') parts.add(key, here)
    const isAccessor = descriptor.get !== undefined || descriptor.set !== undefined
    if (isAccessor) {
      parts.add(descriptor.get, here)
      parts.add(descriptor.set, here)
    } else parts.add(descriptor.value, here)
    const bits = (descriptor.writable ? WRITABLE : 0) | (descriptor.enumerable ? ENUMERABLE : 0) | (descriptor.configurable ? CONFIGURABLE : 0) | (isAccessor ? ACCESSOR : 0)
    listed.push([typeof key === 'symbol' ? null : key, bits])
  }
  return listed
}

/** The reverse, reading the parts one by one. */
export function putProperties(object: object, listed: readonly OwnProperty[], next: () => unknown): void {
  for (const [name, bits] of listed) {
    const key = name ?? (next() as symbol)
    const shape = { enumerable: (bits & ENUMERABLE) !== 0, configurable: (bits & CONFIGURABLE) !== 0 }
    if (bits & ACCESSOR) Object.defineProperty(object, key, { ...shape, get: next() as () => unknown, set: next() as (value: unknown) => void })
    else Object.defineProperty(object, key, { ...shape, writable: (bits & WRITABLE) !== 0, value: next() })
  }
}

/** Properties that every function has. */
export function isStandard(key: PropertyKey, descriptor: PropertyDescriptor): boolean {
  if (key === 'length' || key === 'prototype') return true
  if (key === 'name') return typeof descriptor.value === 'string' && descriptor.writable === false
  // Sloppy functions show these as own; they are the engine's.
  return (key === 'arguments' || key === 'caller') && (descriptor.value === null || descriptor.value === undefined)
}
