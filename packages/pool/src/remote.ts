import type { AsyncResult } from './async-result.ts'

/** The functions of a module as they are called in a pool: each call is a task. */
export type Remote<M> = {
  readonly [K in keyof M as M[K] extends (...args: never[]) => unknown ? K : never]: M[K] extends (...args: infer A) => infer R ? (...args: A) => AsyncResult<Awaited<R>> : never
}

/** Makes a task of each call of `remote.anyName(...)`. Nothing is known here of what the module exports. */
export function makeRemote<M>(call: (name: string, args: readonly unknown[]) => unknown): Remote<M> {
  const functions = new Map<string, (...args: unknown[]) => unknown>()
  return new Proxy(Object.create(null) as object, {
    get: (_target, name) => {
      // Or `await remote` would call a function of this name.
      if (typeof name !== 'string' || name === 'then') return undefined
      let fn = functions.get(name)
      if (fn === undefined) functions.set(name, (fn = (...args) => call(name, args)))
      return fn
    },
  }) as Remote<M>
}
