import { packThrown } from '@multiproc/core'
import type { RemoteInfo } from '@multiproc/core'
import type { Outcomes } from '../protocol.ts'

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}

/** `items.map(fn)`, one after the other; without a promise as long as `fn` returns none. */
export function runChunk(fn: Function, items: readonly unknown[], spread: boolean): unknown[] | Promise<unknown[]> {
  const results: unknown[] = []
  for (let i = 0; i < items.length; i++) {
    const result: unknown = spread ? fn(...(items[i] as unknown[])) : fn(items[i])
    if (isThenable(result)) return runOn(fn, items, spread, results, result)
    results.push(result)
  }
  return results
}

async function runOn(fn: Function, items: readonly unknown[], spread: boolean, results: unknown[], first: PromiseLike<unknown>): Promise<unknown[]> {
  results.push(await first)
  while (results.length < items.length) {
    const item = items[results.length]
    const result: unknown = spread ? fn(...(item as unknown[])) : fn(item)
    results.push(isThenable(result) ? await result : result)
  }
  return results
}

/** The same, where an item that fails fails alone. */
export async function runEach(fn: Function, items: readonly unknown[], spread: boolean, origin: RemoteInfo): Promise<Outcomes> {
  const values: unknown[] = []
  const failed: number[] = []
  for (const item of items) {
    try {
      const result: unknown = spread ? fn(...(item as unknown[])) : fn(item)
      values.push(isThenable(result) ? await result : result)
    } catch (error) {
      failed.push(values.length)
      values.push(packThrown(error, origin))
    }
  }
  return { values, failed }
}

/** What a generator, or anything else that is iterable, is read by. */
export async function iteratorOf(made: unknown): Promise<AsyncIterator<unknown> | Iterator<unknown>> {
  const iterable = (await made) as { [Symbol.asyncIterator]?(): AsyncIterator<unknown>; [Symbol.iterator]?(): Iterator<unknown> } | null | undefined
  const iterator = iterable?.[Symbol.asyncIterator]?.() ?? iterable?.[Symbol.iterator]?.()
  if (iterator === undefined) throw new TypeError('pool.stream() needs a function that returns an iterable, such as a generator; this one returned something else.')
  return iterator
}
