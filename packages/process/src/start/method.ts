import type { Readable, Writable } from 'node:stream'
import type { Exit } from '../exit.ts'
import type { ResultRecord } from '../protocol.ts'

export type StartMethod = 'spawn' | 'prefork' | 'thread'
export const startMethods: readonly StartMethod[] = ['spawn', 'prefork', 'thread']

/** A child as its start method gives it to Process: one of these for each method. */
export interface StartedChild {
  readonly pid: number
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  /** Becomes readable when the child has ended; -1 once that has been seen and nobody had asked before. */
  readonly sentinelFd: number
  /** How it ended, asked of the kernel, so that it is true also while the event loop is blocked. */
  exit(): Exit | undefined
  /** Whether it has ended; a moment earlier than `exit()` knows how, if others ended together with it. */
  isOver(): boolean
  /** Blocks the thread until the child has ended or the deadline (of the clock `nowMs`) has passed. */
  waitSync(deadlineMs: number): boolean
  /** Calls `told` from the event loop when the child has ended; at once if that is known. Returns the canceller. */
  onExit(told: (exit: Exit) => void): () => void
  /** What it left as its result. To be called after its end. */
  result(): ResultRecord | undefined
  signal(name: NodeJS.Signals): void
  /** While there are more calls of `ref` than of `unref`, the child keeps the event loop alive. */
  ref(): void
  unref(): void
  /** Frees what is held for a child that has ended. */
  close(): void
}
