/**
 * Python's `multiprocessing` for Node.js, in one package: everything that the packages below export for programs.
 *
 * ```ts
 * import { Process, Queue } from 'multiproc'
 *
 * const queue = new Queue<string>()
 * new Process({ target: async (queue: Queue<string>) => queue.put('hello'), args: [queue] }).start()
 * console.log(await queue.get()) // => hello
 * ```
 *
 * Limits: Linux for now; a start method other than 'spawn', named objects and connections between machines are to come.
 *
 * @packageDocumentation
 */
export {
  activeChildren,
  cpuCount,
  currentProcess,
  getAllStartMethods,
  getStartMethod,
  isMainProcess,
  parentProcess,
  Process,
  setStartMethod,
  type ParentProcess,
  type ProcessSettings,
  type Sentinel,
  type StartMethod,
} from '@multiproc/process'
