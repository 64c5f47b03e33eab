/**
 * The start method 'spawn': a fresh Node with everything it needs on inherited descriptors. Nothing here waits for the
 * child, so starting is synchronous; its end is looked up in the kernel without reaping it, so that libuv still sees it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { isMainThread } from 'node:worker_threads'
import { claimProcess, currentThread, familyDescriptor, MultiprocError, os, peekChildExit, waitChildExit, type ChildExit, type Encoded } from '@multiproc/core'
import { childEntryFor } from '../child-entry.ts'
import { inheritedExecArgv, inheritedNodeOptions } from '../exec-arguments.ts'
import { exitOf, type Exit } from '../exit.ts'
import { payloadBytes, readResult, type ResultRecord, type StartHead } from '../protocol.ts'
import { explainNoProcess, type ProcessSettings } from '../settings.ts'
import type { StartedChild } from './method.ts'

let parentPipe: number | undefined

/** The read end of a pipe whose write end this process keeps until it ends, however that comes about. */
function lifeOfThisProcess(): number {
  return (parentPipe ??= os().openPipe().readFd)
}

export function spawnChild(head: Omit<StartHead, 'arenaLayout' | 'orphan'>, encoded: Encoded, settings: ProcessSettings): StartedChild {
  const arena = familyDescriptor()
  const place = claimProcess(head.maxProcesses)
  const open: number[] = []
  try {
    const payload = os().createSealed(payloadBytes({ ...head, arenaLayout: arena.layout, orphan: isMainThread ? 'signal' : 'pipe' }, encoded.bytes))
    open.push(payload)
    const result = os().createScratch()
    open.push(result)
    // Before the child runs: what the message carries must reach it even if this process ends at once.
    encoded.commit()
    const child = launch(settings, head.daemon, [payload, result, lifeOfThisProcess(), arena.fd])
    place.started(child.pid as number)
    os().closeFd(payload)
    return new SpawnedChild(child, result, head.daemon, () => {
      place.release()
      encoded.abort() // what the child was killed before taking
    })
  } catch (error) {
    place.release()
    encoded.abort()
    open.forEach((fd) => os().closeFd(fd))
    throw error
  }
}

function launch(settings: ProcessSettings, daemon: boolean, inherited: number[]): ChildProcess {
  const { cwd, stdio = 'inherit' } = settings
  const standard = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio]
  const argv = [...(settings.execArgv ?? inheritedExecArgv(process.execArgv)), ...profileArguments(settings), childEntryFor('`process.start()`')]
  let child: ChildProcess
  try {
    child = spawn(process.execPath, argv, { stdio: [...standard, ...inherited], env: childEnvironment(settings.env), windowsHide: true, ...(cwd === undefined ? {} : { cwd }) })
  } catch (cause) {
    throw noProcess(explainNoProcess(process.execPath, cwd), cause)
  }
  // Without a pid the event carries the reason later; start() must tell it now. With one, a signal could not be sent: it has ended.
  child.on('error', () => {})
  if (child.pid === undefined) throw noProcess(explainNoProcess(process.execPath, cwd), undefined)
  if (daemon) {
    child.unref()
    for (const stream of [child.stdin, child.stdout, child.stderr]) (stream as { unref?(): void } | null)?.unref?.()
  }
  return child
}

function noProcess(why: string, cause: unknown): MultiprocError {
  return new MultiprocError('ERR_MULTIPROC_SPAWN', `\`process.start()\` failed: ${why}.`, cause === undefined ? {} : { cause })
}

function childEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const options = env['NODE_OPTIONS']
  return options === undefined ? env : { ...env, NODE_OPTIONS: inheritedNodeOptions(options) }
}

function profileArguments({ inspect, cpuProf, heapProf }: ProcessSettings): string[] {
  const profile = (flag: string, where: boolean | string | undefined) => (where === undefined || where === false ? [] : where === true ? [flag] : [flag, `${flag}-dir=${where}`])
  const port = inspect === undefined || inspect === false ? [] : [`--inspect=${inspect === true ? 0 : inspect}`]
  return [...port, ...profile('--cpu-prof', cpuProf), ...profile('--heap-prof', heapProf)]
}

class SpawnedChild implements StartedChild {
  readonly pid: number
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  private readonly child: ChildProcess
  private readonly waiting = new Set<(exit: Exit) => void>()
  private readonly cleanUp: () => void
  private resultFd: number
  private record: ResultRecord | undefined
  private pidfd = -1
  private ended: Exit | undefined
  private reaped = false
  private told = false
  private references: number

  constructor(child: ChildProcess, resultFd: number, daemon: boolean, cleanUp: () => void) {
    this.child = child
    this.pid = child.pid as number
    this.stdin = child.stdin
    this.stdout = child.stdout
    this.stderr = child.stderr
    this.resultFd = resultFd
    this.references = daemon ? 0 : 1
    this.cleanUp = cleanUp
    child.once('exit', (code, signal) => {
      this.reaped = true
      this.settle(exitOf(code, signal))
      // libuv reaps all that ended together, then calls these one by one. Whoever we tell may ask after another of them,
      // about which the kernel knows nothing any more, so tell it when all have come by.
      setImmediate(() => this.tell())
    })
  }

  get sentinelFd(): number {
    if (this.pidfd === -1 && !this.reaped) this.pidfd = os().openPidfd(this.pid)
    return this.pidfd
  }

  exit(): Exit | undefined {
    if (this.ended === undefined) this.take(peekChildExit(this.pid))
    return this.ended
  }

  isOver(): boolean {
    return this.ended !== undefined || this.take(peekChildExit(this.pid))
  }

  waitSync(deadlineMs: number): boolean {
    return this.isOver() || this.take(waitChildExit(currentThread(), this.pid, deadlineMs))
  }

  onExit(told: (exit: Exit) => void): () => void {
    if (this.told) {
      queueMicrotask(() => told(this.ended as Exit))
      return () => {}
    }
    this.waiting.add(told)
    return () => this.waiting.delete(told)
  }

  result(): ResultRecord | undefined {
    return this.record
  }

  signal(name: NodeJS.Signals): void {
    // A zombie keeps its pid until libuv reaps it, so this never reaches a stranger.
    if (!this.reaped) this.child.kill(name)
  }

  ref(): void {
    if (this.references++ === 0) this.child.ref()
  }

  unref(): void {
    if (--this.references === 0) this.child.unref()
  }

  close(): void {
    if (this.pidfd !== -1) os().closeFd(this.pidfd)
    this.pidfd = -1
    this.record = undefined
  }

  /** True if it has ended. */
  private take(seen: ChildExit | 'running' | 'reaped'): boolean {
    if (seen === 'running') return false
    if (seen !== 'reaped') this.settle(exitOf(seen.exitCode, seen.signal))
    return true
  }

  private tell(): void {
    this.told = true
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const each of waiting) each(this.ended as Exit)
  }

  /** The result is taken over at once, whoever asks for it later: a process that ended holds no descriptors. */
  private settle(exit: Exit): void {
    if (this.ended !== undefined) return
    this.ended = exit
    this.record = readResult(this.resultFd)
    os().closeFd(this.resultFd)
    this.cleanUp()
  }
}
