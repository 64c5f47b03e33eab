/**
 * The leak check: fails the run when a child, a descriptor, a socket file or a segment outlives the tests.
 *
 * As a setup file it looks after every test file, in the process that ran it, so that the culprit has a name; as a
 * global setup it marks the run and looks once more at its end, for what the test processes themselves left behind.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { MARK, eventually, killMarked, leftFiles, markedProcesses, newMark, openDescriptors } from './packages/testing/src/index.ts'

/** A process that was told to end may need a moment; what is there after it is leaked. */
const GRACE_MS = 5_000

/**
 * What one thread of a family keeps open for its life: the arena, the bell (two ends and a keeper), the life pipe, the
 * loop's own. More than these may stay open only while something uses them.
 */
const FAMILY_DESCRIPTORS = 12

export async function setup(): Promise<() => Promise<void>> {
  const mark = (process.env[MARK] ??= newMark())
  // A temp folder of its own: another run on this machine is not our leak. Short, because sockets lie in it.
  const temporary = mkdtempSync(join(tmpdir(), 'mp-'))
  process.env.TMPDIR = temporary
  const filesBefore = leftFiles()
  return async () => {
    const leaks = [...(await lateFiles(filesBefore)), ...(await lateProcesses(mark, 'worker'))]
    rmSync(temporary, { recursive: true, force: true })
    if (leaks.length > 0) throw new Error(`leaked by this test run:\n  ${leaks.join('\n  ')}`)
  }
}

if (process.env.VITEST_WORKER_ID !== undefined) {
  const outer = process.env[MARK]
  const mark = newMark()
  let descriptorsBefore = new Map<number, string>()
  beforeAll(() => {
    process.env[MARK] = mark
    descriptorsBefore = openDescriptors()
  })
  afterAll(async () => {
    const leaks = [...(await lateProcesses(mark)), ...(await lateDescriptors(descriptorsBefore))]
    process.env[MARK] = outer
    if (leaks.length > 0) throw new Error(`leaked by this test file:\n  ${leaks.join('\n  ')}`)
  }, GRACE_MS * 4)
}

async function lateProcesses(mark: string, ignored?: string): Promise<string[]> {
  const strangers = () => markedProcesses(mark).filter(({ command }) => !ignored || !/vitest|tinypool|esbuild/.test(command))
  await eventually('every child has ended', () => strangers().length === 0, GRACE_MS).catch(() => {})
  const left = strangers()
  if (left.length > 0 && !ignored) killMarked(mark)
  return left.map(({ pid, command }) => `process ${pid}: ${command}`)
}

async function lateDescriptors(before: Map<number, string>): Promise<string[]> {
  const extra = () => [...openDescriptors()].filter(([fd, name]) => before.get(fd) !== name)
  await eventually('descriptors are closed', () => extra().length <= FAMILY_DESCRIPTORS, GRACE_MS).catch(() => {})
  const left = extra()
  return left.length <= FAMILY_DESCRIPTORS ? [] : left.map(([fd, name]) => `descriptor ${fd}: ${name}`)
}

async function lateFiles(before: Set<string>): Promise<string[]> {
  const extra = () => [...leftFiles()].filter((file) => !before.has(file))
  await eventually('files are removed', () => extra().length === 0, GRACE_MS).catch(() => {})
  return extra().map((file) => `file ${file}`)
}
