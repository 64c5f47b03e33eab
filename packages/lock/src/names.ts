import { argumentValue, checkObjectName, checkOptions } from '@multiproc/core'
import type { NameOptions } from './shared-block.ts'

/** Checks the options of a constructor: those of every primitive, and `more`. */
export function checkNames(call: string, options: NameOptions | undefined, more: readonly string[] = []): void {
  checkOptions(call, options, ['name', 'create', ...more])
  const { name, create } = options ?? {}
  if (name !== undefined) checkObjectName(`${call}: options.name`, name)
  if (create !== undefined && create !== true && create !== false && create !== 'exclusive') throw argumentValue(`${call}: options.create`, "true, false or 'exclusive'", create)
  if (create !== undefined && create !== true && name === undefined) throw argumentValue(`${call}: options.name`, `given with { create: ${JSON.stringify(create)} }`, name)
}
