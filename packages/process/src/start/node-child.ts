/**
 * A Node process of our own, with everything it needs on inherited descriptors: what 'spawn' and 'prefork' start. Nothing
 * here waits for it; its end is looked up in the kernel without reaping it, so that libuv still sees it.
 */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { isMainThread } from 'node:worker_threads'
import { currentThread, familyDescriptor, MultiprocError, os, peekChildExit, waitChildExit, type ChildExit } from '@multiproc/core'
import { childEntryFor } from '../child-entry.ts'
import { inheritedExecArgv, inheritedNodeOptions } from '../exec-arguments.ts'
import { executable } from '../executable.ts'
import { exitOf, type Exit } from '../exit.ts'
import { killTree } from '../kill.ts'
import { payloadBytes, readResult, type ResultRecord } from '../protocol.ts'
import { explainNoProcess, type ProcessSettings } from '../settings.ts'
import { EndingChild } from './ending-child.ts'
import type { EndingSignal, StartedChild, StartRequest } from './method.ts'

/** What says how a child runs, apart from what it runs. */
export interface Surroundings {
  readonly file: string
  readonly argv: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string | URL | undefined
}

export function surroundingsOf(settings: ProcessSettings): Surroundings {
  const { env = process.env, cwd, execArgv = inheritedExecArgv(process.execArgv) } = settings
  const options = env['NODE_OPTIONS']
  return {
    file: executable(),
    argv: [...execArgv, ...profileArguments(settings), childEntryFor('`process.start()`')],
    env: options === undefined ? env : { ...env, NODE_OPTIONS: inheritedNodeOptions(options) },
    cwd,
  }
}

function profileArguments({ inspect, cpuProf, heapProf }: ProcessSettings): string[] {
  const profile = (flag: string, where: boolean | string | undefined) => (where === undefined || where === false ? [] : where === true ? [flag] : [flag, `${flag}-dir=${where}`])
  const port = inspect === undefined || inspect === false ? [] : [`--inspect=${inspect === true ? 0 : inspect}`]
  return [...port, ...profile('--cpu-prof', cpuProf), ...profile('--heap-prof', heapProf)]
}

/** What `launchNode`'s child finds at PAYLOAD_FD. */
export function nodePayload(head: StartRequest['head'], body: Uint8Array): Uint8Array {
  return payloadBytes({ ...head, arenaLayout: familyDescriptor().layout, orphan: isMainThread ? 'signal' : 'pipe' }, body)
}

/** @throws ERR_MULTIPROC_SPAWN with the reason, if it can be told. */
export function launchNode({ file, argv, env, cwd }: Surroundings, stdio: StdioOptions): ChildProcess {
  let child: ChildProcess
  try {
    child = spawn(file, argv, { stdio, env, windowsHide: true, ...(cwd === undefined ? {} : { cwd }) })
  } catch (cause) {
    const denied = (cause as { code?: string }).code === 'ERR_ACCESS_DENIED'
    throw noProcess(denied ? `Node's permission model forbids it: ${(cause as Error).message}` : explainNoProcess(file, cwd), cause)
  }
  // Without a pid the event carries the reason later; start() must tell it now. With one, a signal could not be sent: it has ended.
  child.on('error', () => {})
  if (child.pid === undefined) throw noProcess(explainNoProcess(file, cwd), undefined)
  return child
}

export function noProcess(why: string, cause: unknown): MultiprocError {
  return new MultiprocError('ERR_MULTIPROC_SPAWN', `\`process.start()\` failed: ${why}.`, cause === undefined ? {} : { cause })
}

export class NodeChild extends EndingChild implements StartedChild {
  readonly pid: number
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  readonly #child: ChildProcess
  readonly #resultFd: number
  #pidfd = -1
  #reaped = false

  constructor(child: ChildProcess, resultFd: number, settled = (): void => {}) {
    super(child, settled)
    this.#child = child
    this.pid = child.pid as number
    this.stdin = child.stdin
    this.stdout = child.stdout
    this.stderr = child.stderr
    this.#resultFd = resultFd
    child.once('exit', (code, signal) => {
      this.#reaped = true
      this.settle(exitOf(code, signal))
      // libuv reaps all that ended together, then calls these one by one. Whoever we tell may ask after another of them,
      // about which the kernel knows nothing any more, so tell it when all have come by.
      setImmediate(() => this.tell())
    })
  }

  get ident(): number {
    return this.pid
  }

  get sentinelFd(): number {
    if (this.#pidfd === -1 && !this.#reaped) this.#pidfd = os().openPidfd(this.pid)
    return this.#pidfd
  }

  exit(): Exit | undefined {
    if (this.ended === undefined) this.#take(peekChildExit(this.pid))
    return this.ended
  }

  isOver(): boolean {
    return this.ended !== undefined || this.#take(peekChildExit(this.pid))
  }

  waitSync(deadlineMs: number): boolean {
    return this.isOver() || this.#take(waitChildExit(currentThread(), this.pid, deadlineMs))
  }

  signal(name: EndingSignal): void {
    // A zombie keeps its pid until libuv reaps it, so this never reaches a stranger.
    if (!this.#reaped) this.#child.kill(name)
  }

  killTree(): void {
    if (!this.isOver()) killTree(this.pid)
  }

  close(): void {
    if (this.#pidfd !== -1) os().closeFd(this.#pidfd)
    this.#pidfd = -1
  }

  protected override takeOver(): ResultRecord | undefined {
    const record = readResult(this.#resultFd)
    os().closeFd(this.#resultFd)
    return record
  }

  /** True if it has ended. */
  #take(seen: ChildExit | 'running' | 'reaped'): boolean {
    if (seen === 'running') return false
    if (seen !== 'reaped') this.settle(exitOf(seen.exitCode, seen.signal))
    return true
  }
}
