import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { setStartMethod } from '@multiproc/process'
import { eventually } from '@multiproc/testing'
import { afterAll } from 'vitest'

// Ends the processes that wait for the next start by 'prefork': they would live as long as this one.
afterAll(() => setStartMethod('spawn', { force: true }))

/** The error codes of what `call` throws or rejects with; undefined when it does not. */
export async function codeOf(call: () => unknown): Promise<string | undefined> {
  try {
    await call()
    return undefined
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

/** Waits until the collector has taken `ref`'s object; fails when something keeps it. */
export async function collected(what: string, ref: WeakRef<object>): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  await eventually(`${what} is collected`, () => {
    collect()
    return ref.deref() === undefined
  })
}

/** What a row shows, it shows for each of these ways to start a process. Those by 'prefork' run as those by 'spawn' do. */
export const methods = ['spawn', 'thread'] as const

/** The children that a test started, for one `await ended(children)` at its end. */
export function ended(children: readonly { join(): Promise<boolean> }[]): Promise<boolean[]> {
  return Promise.all(children.map((child) => child.join()))
}

/** Milliseconds that `call` took. For lower bounds only. */
export async function took(call: () => unknown): Promise<number> {
  const startedMs = performance.now()
  await call()
  return performance.now() - startedMs
}
