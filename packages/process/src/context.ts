import { availableParallelism } from 'node:os'
import { checkOptions } from '@multiproc/core'
import type { Process } from './process.ts'
import { self } from './self.ts'
import { checkMethod } from './settings.ts'
import type { StartMethod } from './start/method.ts'

let chosen: StartMethod | null = null

/**
 * Chooses how processes are started from now on, where `method` is not given.
 *
 * @param method - only 'spawn' so far: a fresh Node for each process.
 * @throws ERR_MULTIPROC_UNSUPPORTED for a method that is not there yet; ERR_MULTIPROC_ARG_VALUE for none of ours.
 * @remarks Python: `multiprocessing.set_start_method(method, force=False)`. Choosing again is no error here.
 * @example setStartMethod('spawn')
 */
export function setStartMethod(method: StartMethod, options?: { force?: boolean }): void {
  checkOptions('`setStartMethod()`', options, ['force'])
  checkMethod('`setStartMethod()`: method', method)
  chosen = method
}

/**
 * The start method in use: what `setStartMethod` chose, else 'spawn'.
 *
 * @param options.allowNone - null instead of 'spawn' while none was chosen.
 * @remarks Python: `multiprocessing.get_start_method(allow_none=False)`.
 * @example getStartMethod() // => 'spawn'
 */
export function getStartMethod(options?: { allowNone?: false }): StartMethod
export function getStartMethod(options: { allowNone?: boolean }): StartMethod | null
export function getStartMethod(options?: { allowNone?: boolean }): StartMethod | null {
  checkOptions('`getStartMethod()`', options, ['allowNone'])
  return chosen ?? (options?.allowNone === true ? null : 'spawn')
}

/** The start methods of this platform, the default first. Python: `multiprocessing.get_all_start_methods()`. */
export function getAllStartMethods(): StartMethod[] {
  return ['spawn']
}

/**
 * How many processes can compute at the same time here: `os.availableParallelism()`, which respects a CPU affinity.
 * Python: `os.process_cpu_count()`.
 */
export function cpuCount(): number {
  return availableParallelism()
}

/** False in every process this library started, in its worker threads too. Python: `parent_process() is None`. */
export const isMainProcess: boolean = self().parent === null

const children = new Set<Process<any, any>>()

export function rememberChild(child: Process<any, any>): void {
  children.add(child)
}

export function forgetChild(child: Process<any, any>): void {
  children.delete(child)
}

/**
 * The processes this thread started that are alive now, asked of the kernel. Does not wait, and forgets none that ended:
 * their `exitCode` and `result()` stay.
 *
 * @remarks Python: `multiprocessing.active_children()`.
 * @example for (const child of activeChildren()) child.terminate()
 */
export function activeChildren(): Process[] {
  return [...children].filter((child) => child.isAlive())
}
