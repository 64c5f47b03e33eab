import { readFileSync } from 'node:fs'
import { expect, vi } from 'vitest'
import * as testing from '@multiproc/testing'
import type { ProgramOptions } from '@multiproc/testing'

// A watchdog is for hangs: a busy machine takes half a minute for what takes one second on an idle one.
const PATIENCE_MS = 110_000
vi.setConfig({ testTimeout: PATIENCE_MS + 10_000 })

export const fixture = (name: string) => new URL(`../fixtures/${name}`, import.meta.url)

export const startProgram = (file: URL, options?: ProgramOptions) => testing.startProgram(file, { timeoutMs: PATIENCE_MS, ...options })
export const runProgram = (file: URL, options?: ProgramOptions) => startProgram(file, options).ended

export const methods = ['spawn', 'prefork', 'thread'] as const
export type Method = (typeof methods)[number]
/** The environment that makes a fixture (through fixtures/method.mjs) start all its processes this way. */
export const by = (method: Method): ProgramOptions => ({ env: { TEST_METHOD: method } })

/** Runs a fixture that prints one JSON object last; gives the object, and what else was printed. */
export async function facts(name: string, options: ProgramOptions = {}): Promise<any> {
  const { stdout, stderr, exitCode } = await runProgram(fixture(name), options)
  expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' })
  const lines = stdout.trimEnd().split('\n')
  return { ...JSON.parse(lines.at(-1) as string), stdout: lines.slice(0, -1), stderr }
}

/** False for a zombie, too: one that lost its parent waits for init, which may take its time. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}

/** Resolves once the process is gone; the test's own timeout is the watchdog. */
export async function gone(pid: number): Promise<void> {
  while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 5))
}
