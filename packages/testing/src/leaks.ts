/**
 * Finds what a test left behind: processes, descriptors, shared-memory files, socket and backend files.
 *
 * Processes are told by a mark in their environment, which survives being orphaned (a leaked grandchild has another
 * parent) and which nobody's own processes carry. Linux only; elsewhere every list is empty and nothing is reported.
 */
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Marks everything that a program of one test started. Nested programs get a mark of their own behind their parent's. */
export const MARK = 'MULTIPROC_TEST_MARK'

export function newMark(): string {
  const outer = process.env[MARK]
  return (outer === undefined ? '' : `${outer}/`) + randomUUID().slice(0, 8)
}

export interface LeftProcess {
  readonly pid: number
  readonly command: string
}

/** Living processes that carry `mark` (or one that begins with it), this one excluded. */
export function markedProcesses(mark: string): LeftProcess[] {
  const found: LeftProcess[] = []
  for (const name of list('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    const entry = read(`/proc/${name}/environ`)?.split('\0').find((line) => line.startsWith(`${MARK}=`))
    const value = entry?.slice(MARK.length + 1)
    if (value !== mark && !value?.startsWith(`${mark}/`)) continue
    found.push({ pid, command: read(`/proc/${name}/cmdline`)?.replaceAll('\0', ' ').trim() ?? '' })
  }
  return found
}

/** Kills everything that carries the mark, until nothing is left (what is being killed may still be starting others). */
export function killMarked(mark: string): LeftProcess[] {
  const killed = new Map<number, LeftProcess>()
  for (let round = 0; round < 50; round++) {
    const alive = markedProcesses(mark)
    if (alive.length === 0) break
    for (const left of alive) {
      killed.set(left.pid, left)
      try {
        process.kill(left.pid, 'SIGKILL')
      } catch {
        // Ended by itself meanwhile.
      }
    }
  }
  return [...killed.values()]
}

/** `module.enableCompileCache()` keeps compiled code there, on purpose, for the next process. */
const NODES_OWN_CACHE = 'node-compile-cache'

/** Files that outlive processes: our POSIX shared memory, and everything in the temp folder (a run has one of its own). */
export function leftFiles(): Set<string> {
  const temporary = tmpdir()
  return new Set([
    ...list('/dev/shm').filter((name) => name.includes('multiproc')).map((name) => join('/dev/shm', name)),
    ...list(temporary).filter((name) => name !== NODES_OWN_CACHE).map((name) => join(temporary, name)),
  ])
}

/** What this process has open, by descriptor: the kernel's names, such as `socket:[123]` or `/memfd:x (deleted)`. */
export function openDescriptors(): Map<number, string> {
  const open = new Map<number, string>()
  for (const name of list('/proc/self/fd')) {
    try {
      open.set(Number(name), readlinkSync(`/proc/self/fd/${name}`))
    } catch {
      // The descriptor that listed the folder is closed again.
    }
  }
  return open
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
