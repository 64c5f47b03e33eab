import { argumentType, checkOptions, MultiprocError } from '@multiproc/core'
import { RLock } from '@multiproc/lock'
import type { LockChoice } from './handle.ts'

export interface SharedOptions {
  /** Not in this version: use a named `SharedMemory`. */
  readonly name?: string | undefined
  readonly create?: boolean | 'exclusive' | undefined
  /** Default true: `.lock` is one of its own. False: there is none. An `RLock`: that one. */
  readonly lock?: boolean | RLock | undefined
}

export function checkSharedOptions(call: string, options: SharedOptions | undefined): LockChoice {
  checkOptions(call, options, ['name', 'create', 'lock'])
  if (options?.name !== undefined || options?.create !== undefined) {
    throw new MultiprocError('ERR_MULTIPROC_UNSUPPORTED', `${call} failed: only SharedMemory has names in this version. Use its views, or pass the handle itself to the processes that share it.`)
  }
  const lock = options?.lock ?? true
  if (typeof lock !== 'boolean' && !(lock instanceof RLock)) throw argumentType(`${call}: options.lock`, 'a boolean or an RLock', lock)
  return lock
}
