import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { MultiprocError } from '@multiproc/core'

/**
 * The file a child process runs. It stands beside the built package, and beside this file in the sources, so the same
 * relative path serves both.
 */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const childEntry = fileURLToPath(new URL(`./child/main.${extension}`, import.meta.url))

let isThere = false

/** @throws ERR_MULTIPROC_UNSUPPORTED in a bundle: the file is not beside the code that was bundled. */
export function childEntryFor(call: string): string {
  isThere ||= existsSync(childEntry)
  if (isThere) return childEntry
  throw new MultiprocError('ERR_MULTIPROC_UNSUPPORTED', `${call} failed: there is no ${childEntry}, the file that a child process runs. This program was bundled with the library: tell the bundler to leave '@multiproc/*' and 'multiproc' external.`, {
    details: { file: childEntry },
  })
}
