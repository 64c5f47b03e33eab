import { argumentType } from '@multiproc/core'
import { checkLockHasName, checkNames, RLock, type NameOptions } from '@multiproc/lock'
import { SharedBlock } from './block.ts'
import { NamedBlock, type NamedPlan } from './named-block.ts'
import type { LockChoice } from './handle.ts'

/** A name: unrelated programs of one user have the same object. It is there while somebody has it open. */
export interface SharedOptions extends NameOptions {
  /** Default true: `.lock` is one of its own. False: there is none. An `RLock`: that one, which must have a name if this has one. */
  readonly lock?: boolean | RLock | undefined
}

export function checkSharedOptions(call: string, options: SharedOptions | undefined): LockChoice {
  checkNames(call, options, ['lock'])
  const lock = options?.lock ?? true
  if (typeof lock !== 'boolean' && !(lock instanceof RLock)) throw argumentType(`${call}: options.lock`, 'a boolean or an RLock', lock)
  if (lock instanceof RLock) checkLockHasName(`${call}: options.lock`, lock, options)
  return lock
}

/** A new block, or that of its name. The contents of one without a name are the caller's to fill. */
export function makeBlock(call: string, plan: NamedPlan, options: SharedOptions | undefined): SharedBlock {
  const { name, create = true } = options ?? {}
  if (name !== undefined) return NamedBlock.open(`\`${call}\``, plan, name, create)
  return SharedBlock.create(plan.size)
}
