import { argumentValue } from '@multiproc/core'
import { call, ManagedProxy, post } from '../proxy.ts'
import { builtin } from './managed-type.ts'

type Fields = Map<string, unknown>

export const namespace = builtin<Fields>({
  create: (init = {}) => {
    const fields = new Map(Object.entries(init as object))
    for (const name of fields.keys()) checkField(name)
    return fields
  },
  copy: (fields) => Object.fromEntries(fields),
  exposed: {
    get: (fields, name) => fields.get(checkField(name)),
    set: (fields, name, value) => void fields.set(checkField(name), value),
    delete: (fields, name) => fields.delete(checkField(name)),
  },
})

/** `then` would make the proxy itself something to await. */
const noFields = new Set(['then', 'constructor', 'prototype'])

function isField(name: unknown): name is string {
  return typeof name === 'string' && !name.startsWith('_') && !noFields.has(name)
}

function checkField(name: unknown): string {
  if (isField(name)) return name
  throw argumentValue('namespace: field', "a name that neither begins with '_' nor is one of then, constructor, prototype", name)
}

/**
 * An object in a manager's server whose fields are set by assignment and read with await. Each read is a call:
 * `await config.rate`. Python: `NamespaceProxy`.
 *
 * @remarks The type has the fields' own types, since TypeScript has one type for both directions: do not use a field without
 * `await`. Setting, or deleting, what has not arrived yet when it fails rejects the next awaited read.
 */
export type NamespaceProxy<T extends object = Record<string, any>> = { [K in keyof T]: T[K] }

export class NamespaceReferent extends ManagedProxy {}

/** The proxy; `bind` is to be called for what it returns. */
export function makeNamespace(): object {
  const proxy: object = new Proxy(new NamespaceReferent(), {
    get: (target, name) => (isField(name) ? call(proxy, 'get', [name]) : typeof name === 'symbol' ? Reflect.get(target, name) : undefined),
    set(_, name, value) {
      checkField(name)
      post(proxy, 'set', [name, value])
      return true
    },
    deleteProperty(_, name) {
      checkField(name)
      post(proxy, 'delete', [name])
      return true
    },
    defineProperty: () => false,
    setPrototypeOf: () => false,
    preventExtensions: () => false,
  })
  return proxy
}
