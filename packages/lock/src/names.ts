import { argumentValue, checkObjectName, checkOptions } from '@multiproc/core'
import { BLOCK, type BlockHandle } from './block-handle.ts'
import type { NameOptions, SharedBlock } from './shared-block.ts'

/** Unrelated programs that meet at a name would hold a lock each if the one they were given has none. */
export function checkLockHasName(what: string, lock: BlockHandle<SharedBlock>, options: NameOptions | undefined): void {
  if (options?.name !== undefined && !lock[BLOCK].isNamed) throw argumentValue(what, `a lock with a name, as ${JSON.stringify(options.name)} has one`, lock)
}

/** Checks the options of a constructor: those of every primitive, and `more`. */
export function checkNames(call: string, options: NameOptions | undefined, more: readonly string[] = []): void {
  checkOptions(call, options, ['name', 'create', ...more])
  const { name, create } = options ?? {}
  if (name !== undefined) checkObjectName(`${call}: options.name`, name)
  if (create !== undefined && create !== true && create !== false && create !== 'exclusive') throw argumentValue(`${call}: options.create`, "true, false or 'exclusive'", create)
  if (create !== undefined && create !== true && name === undefined) throw argumentValue(`${call}: options.name`, `given with { create: ${JSON.stringify(create)} }`, name)
}
