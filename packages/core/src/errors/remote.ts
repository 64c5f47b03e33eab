import { brandAs, MultiprocError, type ErrorOptions } from './base.ts'
import { ProcessError } from './python.ts'

/** The `signal` of the call was aborted; `cause` is its reason. Nothing was taken, put or changed. */
export class AbortError extends MultiprocError {
  constructor(message: string, options?: ErrorOptions) {
    super('ABORT_ERR', message, options)
  }
  static {
    brandAs(this, 'AbortError')
  }
}

/** How a process ended, as its parent saw it. */
export interface ExitFacts {
  readonly pid?: number | undefined
  readonly processName?: string | undefined
  /** -N: ended by signal N. */
  readonly exitCode?: number | null | undefined
  readonly signalCode?: NodeJS.Signals | null | undefined
}

/** A process ended without a result. */
export class ProcessExitError extends ProcessError {
  readonly pid: number | undefined
  readonly processName: string | undefined
  readonly exitCode: number | null
  readonly signalCode: NodeJS.Signals | null

  constructor(message: string, options: ErrorOptions & ExitFacts = {}) {
    super('ERR_MULTIPROC_PROCESS_EXIT', message, options)
    this.pid = options.pid
    this.processName = options.processName
    this.exitCode = options.exitCode ?? null
    this.signalCode = options.signalCode ?? null
  }
  static {
    brandAs(this, 'ProcessExitError')
  }
}

/** A pool worker ended while it ran the task `taskId`. */
export class WorkerLostError extends ProcessError {
  readonly taskId: number | undefined
  readonly pid: number | undefined
  readonly exitCode: number | null
  readonly signalCode: NodeJS.Signals | null

  constructor(message: string, options: ErrorOptions & ExitFacts & { readonly taskId?: number | undefined } = {}) {
    super('ERR_MULTIPROC_WORKER_LOST', message, options)
    this.taskId = options.taskId
    this.pid = options.pid
    this.exitCode = options.exitCode ?? null
    this.signalCode = options.signalCode ?? null
  }
  static {
    brandAs(this, 'WorkerLostError')
  }
}

/** The server process of a manager is gone, and its objects with it. */
export class ServerLostError extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MULTIPROC_SERVER_LOST', message, options)
  }
  static {
    brandAs(this, 'ServerLostError')
  }
}

/** The holder of a lock died, and the lock was made with `onAbandoned: 'throw'`. */
export class AbandonedError extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MULTIPROC_ABANDONED', message, options)
  }
  static {
    brandAs(this, 'AbandonedError')
  }
}

/** What another process threw, where its class cannot be rebuilt here. */
export class RemoteError extends ProcessError {
  /** The `name` the error had where it was thrown. */
  readonly originalName: string
  /** Its `stack` there. */
  readonly remoteStack: string

  constructor(message: string, options: ErrorOptions & { readonly originalName?: string; readonly remoteStack?: string } = {}) {
    super('ERR_MULTIPROC_REMOTE', message, options)
    this.originalName = options.originalName ?? 'Error'
    this.remoteStack = options.remoteStack ?? ''
  }
  static {
    brandAs(this, 'RemoteError')
  }
}

/** Where an error that came from another process was thrown. */
export interface RemoteInfo {
  readonly pid: number
  readonly processName: string
  /** The pool task that threw it. */
  readonly task?: number | string | undefined
}

/** One table for all copies of this package in this thread. */
const tableKey = Symbol.for('multiproc.error.remote')
const table: WeakMap<object, RemoteInfo> = ((globalThis as { [tableKey]?: WeakMap<object, RemoteInfo> })[tableKey] ??= new WeakMap())

/** Tells which process (and task) threw an error that was received from another process; `undefined` for a local one. */
export function remoteInfo(error: unknown): RemoteInfo | undefined {
  return typeof error === 'object' && error !== null ? table.get(error) : undefined
}

/**
 * Marks a received error with its origin, and joins the caller's stack to the remote one, so that a trace leads from the
 * line that threw to the line that waited. `caller` is an error made where the caller's call began, if that is at hand.
 */
export function markRemote(error: unknown, info: RemoteInfo, caller?: Error): void {
  if (typeof error !== 'object' || error === null) return
  table.set(error, info)
  if (!(error instanceof Error) || typeof error.stack !== 'string') return
  const frames = (caller ?? new Error()).stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? []
  const task = info.task === undefined ? '' : `, task ${info.task}`
  const stack = `${error.stack}\n    in process ${info.processName} (pid ${info.pid}${task}), awaited\n${frames.join('\n')}`
  try {
    Object.defineProperty(error, 'stack', { value: stack, writable: true, configurable: true })
  } catch {
    // A frozen error keeps its remote stack alone.
  }
}
