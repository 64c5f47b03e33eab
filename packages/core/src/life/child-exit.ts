import type { Thread } from '../contracts/thread.ts'
import type { ChildExit } from '../os/contract.ts'
import { os } from '../os/recommended.ts'

/**
 * Blocks until a child process of this process ended, and leaves it to be reaped by Node, whose `exit` event still comes.
 * `'running'`: the deadline (on the clock of `thread.nowMs()`) passed. `'reaped'`: Node has reaped it, so the event came or
 * is about to.
 */
export function waitChildExit(thread: Thread, pid: number, deadlineMs: number): ChildExit | 'running' | 'reaped' {
  for (;;) {
    const left = Math.max(0, deadlineMs - thread.nowMs())
    const exit = left === 0 ? os().peekExit(pid, 0) : thread.block((sliceMs) => os().peekExit(pid, Math.min(left, sliceMs)))
    if (exit !== 'running' || left === 0) return exit
  }
}

/** How a child ended, without waiting and without reaping it: what `exitCode` and `isAlive()` look at. */
export function peekChildExit(pid: number): ChildExit | 'running' | 'reaped' {
  return os().peekExit(pid, 0)
}
