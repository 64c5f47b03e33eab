import { readdirSync, readFileSync } from 'node:fs'
import { MultiprocError } from '@multiproc/core'

/**
 * Kills a process and all below it. Each is stopped before its children are looked for, so that none starts another in
 * between; what was handed to init meanwhile (its parent had ended) is not found.
 */
export function killTree(pid: number): void {
  if (process.platform !== 'linux') {
    throw new MultiprocError('ERR_MULTIPROC_UNSUPPORTED', '`process.kill({ tree: true })` works on Linux only: it reads /proc. Kill the processes one by one.')
  }
  const found = [pid]
  for (const above of found) {
    send(above, 'SIGSTOP')
    found.push(...childrenOf(above))
  }
  for (const each of found) send(each, 'SIGKILL')
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && parentOf(entry) === parent)
    .map(Number)
}

function parentOf(pid: string): number | undefined {
  try {
    // `pid (name) state ppid …`; the name may hold anything, so count from its last bracket.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined // it has ended
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended, or belongs to somebody else.
  }
}
