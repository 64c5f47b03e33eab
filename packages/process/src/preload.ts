import { pathToFileURL } from 'node:url'
import { argumentType, argumentValue, checkOptions, MultiprocError } from '@multiproc/core'
import { cpuCount } from './cpu-count.ts'
import type { PreloadErrors, StartHead } from './protocol.ts'
import { self } from './self.ts'

/** Enough that a pool of one worker for each core finds them warm; each costs about the memory of an idle Node. */
export const spareCount = Math.max(2, Math.min(4, cpuCount()))

let preload: { readonly modules: readonly string[]; readonly base: string; readonly onError: PreloadErrors } | undefined
let warned = false
let failure: { readonly error: unknown } | undefined

export function choosePreload(modules: readonly (string | URL)[], options: { onError?: PreloadErrors } | undefined): void {
  checkOptions('`setPreload()`', options, ['onError'])
  const onError = options?.onError ?? 'warn'
  if (!['ignore', 'warn', 'throw'].includes(onError)) throw argumentValue('`setPreload()`: options.onError', `'ignore', 'warn' or 'throw'`, onError)
  if (!Array.isArray(modules) || !modules.every((module) => typeof module === 'string' || module instanceof URL)) {
    throw argumentType('`setPreload()`: modules', 'an array of module names: strings or URLs', modules)
  }
  preload = { modules: modules.map(String), base: pathToFileURL(`${process.cwd()}/`).href, onError }
  warned = false
  failure = undefined
}

/** What a spare is until it is told what to run. */
export function spareHead(): Omit<StartHead, 'arenaLayout' | 'orphan'> {
  const { depth, maxDepth, maxProcesses, name, authKey, startMethod } = self()
  const { modules = [], base = '', onError = 'ignore' } = preload ?? {}
  const head = {
    name: 'spare', identity: [], daemon: true, mayHaveChildren: false, depth: depth + 1, maxDepth, maxProcesses, startMethod,
    authKey: Buffer.from(authKey).toString('base64'),
    argv: process.argv,
    parent: { pid: process.pid, name },
    ignoreSigint: true,
    title: undefined,
    // One warning is enough for all spares.
    spare: { modules, base, onError: onError === 'warn' && warned ? 'ignore' : onError } as const,
  }
  warned = true
  return head
}

/** A spare could not load its modules, and `onError` is 'throw'. */
export function preloadFailed(error: unknown): void {
  failure ??= { error }
}

export function checkPreload(): void {
  if (failure === undefined) return
  throw new MultiprocError('ERR_MULTIPROC_SPAWN', '`process.start()` failed: a module given to setPreload() could not be loaded; see `cause`. Mend it, or call setPreload() again.', {
    cause: failure.error,
  })
}
