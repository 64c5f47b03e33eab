import { checkOptions, ProcessError } from '@multiproc/core'
import { mayStart } from './may-start.ts'
import { choosePreload } from './preload.ts'
import type { Process } from './process.ts'
import type { PreloadErrors } from './protocol.ts'
import { self } from './self.ts'
import { checkMethod } from './settings.ts'
import { endSpares, warmUp } from './start/prefork.ts'
import { startMethods, type StartMethod } from './protocol.ts'

let chosen: StartMethod | undefined

/**
 * Chooses how processes are started from now on, where the option `method` does not say it. Processes inherit it.
 *
 * @param method - 'spawn': a fresh Node for each process. 'prefork': one that was started ahead of time and waits; where
 *   none fits (other env, cwd, execArgv or stdio), a fresh one. 'thread': a worker thread of this process. Choosing one of the
 *   other two ends those that wait.
 * @param options.force - chooses again.
 * @throws ERR_MULTIPROC_ARG_VALUE for none of these; ERR_MULTIPROC_ALREADY_STARTED if another was chosen before.
 * @remarks Python: `multiprocessing.set_start_method(method, force=False)`; 'prefork' is there for 'forkserver'.
 * @example setStartMethod('prefork')
 */
export function setStartMethod(method: StartMethod, options?: { force?: boolean }): void {
  checkOptions('`setStartMethod()`', options, ['force'])
  checkMethod('`setStartMethod()`: method', method)
  if (chosen !== undefined && chosen !== method && options?.force !== true) {
    throw new ProcessError('ERR_MULTIPROC_ALREADY_STARTED', `\`setStartMethod()\` failed: '${chosen}' was chosen before. Choose once, in the main module, or pass { force: true }.`)
  }
  chosen = method
  if (method !== 'prefork') endSpares()
  else if (mayStart()) warmUp()
}

/**
 * The start method in use: what `setStartMethod` chose here, else in the parent, else 'spawn'.
 *
 * @param options.allowNone - null instead of 'spawn' while none was chosen.
 * @remarks Python: `multiprocessing.get_start_method(allow_none=False)`.
 * @example getStartMethod() // => 'spawn'
 */
export function getStartMethod(options?: { allowNone?: false }): StartMethod
export function getStartMethod(options: { allowNone?: boolean }): StartMethod | null
export function getStartMethod(options?: { allowNone?: boolean }): StartMethod | null {
  checkOptions('`getStartMethod()`', options, ['allowNone'])
  return chosen ?? self().startMethod ?? (options?.allowNone === true ? null : 'spawn')
}

/** The start methods of this platform, the default first. Python: `multiprocessing.get_all_start_methods()`. */
export function getAllStartMethods(): StartMethod[] {
  return [...startMethods]
}

/**
 * Chooses modules that the waiting processes of 'prefork' load ahead of time, and starts these anew.
 *
 * @param modules - names as `import` takes them, relative ones from the working directory; URLs.
 * @param options.onError - 'warn' (default): one warning; 'ignore': none; 'throw': the next start with 'prefork' throws.
 * @throws TypeError for anything but an array of these.
 * @remarks What a module does when it is loaded happens in each waiting process; no process can be started there. Python:
 *   `multiprocessing.set_forkserver_preload(module_names, on_error='ignore')`.
 * @example setPreload(['./models.js', 'sharp'])
 */
export function setPreload(modules: readonly (string | URL)[], options?: { onError?: PreloadErrors }): void {
  choosePreload(modules, options)
  endSpares()
  if (mayStart()) warmUp()
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
