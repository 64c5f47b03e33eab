import { statSync } from 'node:fs'
import type { ResourceLimits } from 'node:worker_threads'
import { argumentType, argumentValue, checkOptions } from '@multiproc/core'
import { startMethods, type StartMethod } from './protocol.ts'

/** For packages that build on Process (pool, manager): pass `[internals]` among the settings. Not for users. */
export const internals: unique symbol = Symbol.for('multiproc.process.internals') as never

export interface InternalSettings {
  /** Lets a daemon start processes of its own. */
  readonly mayHaveChildren?: boolean
  /** Ctrl-C is left to the main process alone. */
  readonly ignoreSigint?: boolean
  /** What `ps` shows. */
  readonly title?: string
  /** Of a thread. */
  readonly resourceLimits?: ResourceLimits
}

type Stdio = 'inherit' | 'pipe' | 'ignore'

export interface ProcessSettings {
  /** For messages and logs. Default `Process-N`, in a child `Process-P:N`. */
  readonly name?: string
  /** Ends with its parent, whatever ends that, and may have no children. Default: as the process that makes it. */
  readonly daemon?: boolean
  /** Must be null: Python has it for compatibility, and so have we. */
  readonly group?: null
  /** Default: `getStartMethod()`. */
  readonly method?: StartMethod
  /** The whole environment of the child. Default: this process's. */
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string | URL
  /** Options of Node's for the child. Default: this process's, without those that say what it runs (`-e`, `--test`, `--inspect`, …). */
  readonly execArgv?: readonly string[]
  /** One for all three, or one each for stdin, stdout and stderr. Default 'inherit'. */
  readonly stdio?: Stdio | readonly [stdin: Stdio | number, stdout: Stdio | number, stderr: Stdio | number]
  /** Aborting it terminates the child. */
  readonly signal?: AbortSignal
  /** Opens an inspector in the child: on any free port, or this one. */
  readonly inspect?: boolean | number
  /** Writes a CPU profile when the child ends: into the working directory, or this one. */
  readonly cpuProf?: boolean | string
  /** The same for a heap profile. */
  readonly heapProf?: boolean | string
  readonly [internals]?: InternalSettings
}

const keys = ['target', 'args', 'kwargs', 'name', 'daemon', 'group', 'method', 'env', 'cwd', 'execArgv', 'stdio', 'signal', 'inspect', 'cpuProf', 'heapProf']
const call = '`new Process()`'

export type AnySettings = ProcessSettings & { target?: Function; args?: readonly unknown[]; kwargs?: object }

/** Throws for anything wrong with the options of `new Process()`. */
export function checkSettings(options: AnySettings): void {
  if (typeof options === 'function') throw argumentType(`${call}: options`, 'an object: write { target: fn }, not a class or function', options)
  checkOptions(call, options, keys)
  const { target, args, kwargs, name, daemon, group, method, env, execArgv, stdio, signal, inspect } = options
  if (target !== undefined && typeof target !== 'function') throw argumentType(`${call}: options.target`, 'a function', target)
  if (args !== undefined && !Array.isArray(args)) throw argumentType(`${call}: options.args`, 'an array: one element for each argument of the target', args)
  if (kwargs !== undefined && (typeof kwargs !== 'object' || kwargs === null || Array.isArray(kwargs))) {
    throw argumentType(`${call}: options.kwargs`, "an object: it is passed as the target's last argument", kwargs)
  }
  if (name !== undefined) checkName(name)
  if (daemon !== undefined) checkDaemon(daemon)
  if (group !== undefined && group !== null) throw argumentType(`${call}: options.group`, 'null', group)
  if (method !== undefined) checkMethod(`${call}: options.method`, method)
  if (env !== undefined && (typeof env !== 'object' || env === null)) throw argumentType(`${call}: options.env`, 'an object of strings', env)
  if (execArgv !== undefined && !(Array.isArray(execArgv) && execArgv.every((word) => typeof word === 'string'))) {
    throw argumentType(`${call}: options.execArgv`, 'an array of strings', execArgv)
  }
  if (stdio !== undefined) checkStdio(stdio)
  if (signal !== undefined && typeof (signal as { aborted?: unknown } | null)?.aborted !== 'boolean') throw argumentType(`${call}: options.signal`, 'an AbortSignal', signal)
  if (typeof inspect === 'number' && !(Number.isInteger(inspect) && inspect >= 0 && inspect < 65_536)) throw argumentValue(`${call}: options.inspect`, 'a port from 0 to 65535', inspect)
}

export function checkName(name: unknown): void {
  if (typeof name !== 'string') throw argumentType('`process.name`', 'a string', name)
}

export function checkDaemon(daemon: unknown): void {
  if (typeof daemon !== 'boolean') throw argumentType('`process.daemon`', 'true or false', daemon)
}

export function checkMethod(name: string, method: unknown): void {
  if (!startMethods.includes(method as StartMethod)) throw argumentValue(name, `'spawn', 'prefork' or 'thread'`, method)
}

function checkStdio(stdio: unknown): void {
  const one = (value: unknown) => value === 'inherit' || value === 'pipe' || value === 'ignore'
  if (one(stdio)) return
  const three = Array.isArray(stdio) && stdio.length === 3 && stdio.every((value) => one(value) || Number.isInteger(value))
  if (!three) throw argumentType(`${call}: options.stdio`, "'inherit', 'pipe', 'ignore', or an array of three of these (or descriptors)", stdio)
}

/** Says why the operating system made no process, as far as can be told. */
export function explainNoProcess(executable: string, cwd: string | URL | undefined): string {
  if (cwd !== undefined && statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true) return `there is no directory ${String(cwd)} (option cwd)`
  if (statSync(executable, { throwIfNoEntry: false }) === undefined) return `there is no ${executable}`
  return 'the operating system made none: it is out of processes, memory or descriptors'
}
