/**
 * Python's `multiprocessing.Process` for Node.js: any function, or the `run()` of a subclass, in a process of its own.
 *
 * ```ts
 * import { Process } from '@multiproc/process'
 *
 * const child = new Process({ target: (n: number) => n * 2, args: [21] })
 * await child.start().result() // => 42
 * ```
 *
 * Limits: a fresh Node takes some 50 ms; use the start method 'prefork', or a pool for many small jobs. Linux and, slower,
 * macOS.
 *
 * @packageDocumentation
 */
export { Process, type Sentinel } from './process.ts'
export { processClass } from './bound.ts'
export { ProcessLocal, processLocal } from './process-local.ts'
export type { ProcessEvent } from './events.ts'
export { currentProcess, parentProcess, type ParentProcess } from './current.ts'
export { activeChildren, getAllStartMethods, getStartMethod, isMainProcess, setPreload, setStartMethod } from './context.ts'
export { cpuCount } from './cpu-count.ts'
export { setExecutable } from './executable.ts'
export type { PreloadErrors, StartMethod } from './protocol.ts'
export { internals, type InternalSettings, type ProcessSettings } from './settings.ts'
export { AbortError, MaybeEncodingError, MultiprocError, ProcessError, ProcessExitError, RemoteError, remoteInfo, TimeoutError } from '@multiproc/core'
