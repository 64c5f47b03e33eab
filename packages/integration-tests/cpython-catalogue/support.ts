import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { eventually } from '@multiproc/testing'

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
