import type { Encoded, ProcessPlace } from '@multiproc/core'
import type { Readable, Writable } from 'node:stream'
import type { Exit } from '../exit.ts'
import type { ResultRecord, StartHead } from '../protocol.ts'
import type { ProcessSettings } from '../settings.ts'

/** A child that is to be started. */
export interface StartRequest {
  /** But for what its start method decides. */
  readonly head: Omit<StartHead, 'arenaLayout' | 'orphan'>
  readonly body: Encoded
  readonly settings: ProcessSettings
  readonly place: ProcessPlace
  /** For the end of the child: gives its place back, and what it was sent and did not take. */
  readonly over: () => void
}

/** What every start method gives: `start/METHOD.ts`. */
export interface Starter {
  /** Throws for settings that this method cannot serve. Called before anything is encoded. */
  check(settings: ProcessSettings): void
  /** Returns at once. Throws ERR_MULTIPROC_SPAWN; nothing is left of it then but the place and the body, which the caller frees. */
  start(request: StartRequest): StartedChild
}

/** A child as its start method gives it to Process. */
export interface StartedChild {
  readonly pid: number
  /** The pid, or what tells threads of one process apart. */
  readonly ident: number | string
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  /** Becomes readable when the child has ended; -1 once that has been seen and nobody had asked before. */
  readonly sentinelFd: number
  /** How it ended, asked of the system, so that it is true also while the event loop is blocked. */
  exit(): Exit | undefined
  /** Whether it has ended; a moment earlier than `exit()` knows how, if others ended together with it. */
  isOver(): boolean
  /** Blocks the thread until the child has ended or the deadline (of the clock `nowMs`) has passed. */
  waitSync(deadlineMs: number): boolean
  /** Calls `told` from the event loop when the child has ended; at once if that is known. Returns the canceller. */
  onExit(told: (exit: Exit) => void): () => void
  /** What it left as its result: for one caller, after its end. */
  takeResult(): ResultRecord | undefined
  signal(name: EndingSignal): void
  /** SIGKILL for it and for all processes below it. */
  killTree(): void
  /** While there are more calls of `ref` than of `unref`, the child keeps the event loop alive. */
  ref(): void
  unref(): void
  /** Frees what is held for a child that has ended. */
  close(): void
}

export type EndingSignal = 'SIGTERM' | 'SIGKILL' | 'SIGINT'
