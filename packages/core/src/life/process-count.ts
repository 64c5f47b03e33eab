import { availableParallelism } from 'node:os'
import { arena } from '../arena/family.ts'
import { atomics } from '../arena/atomics.ts'
import { PROCESS_ENTRIES } from '../arena/layout.ts'
import { ProcessTable } from '../arena/process-table.ts'
import { MultiprocError } from '../errors/base.ts'
import { os } from '../os/recommended.ts'
import { currentThread } from '../parking/current-thread.ts'

/** The place of one child in the count of the family's processes. */
export interface ProcessPlace {
  /** The child runs under this pid. */
  started(pid: number): void
  /** It ended, or could not be started. Idempotent. A place that nobody gives back is found by its dead pid. */
  release(): void
}

let table: ProcessTable | undefined

function processes(): ProcessTable {
  return (table ??= new ProcessTable(atomics, arena().head.words, {
    isThreadDead: (id) => currentThread().isDead(id),
    isProcessDead: (pid, start) => os().isProcessDead(pid, start),
  }))
}

/** Most processes that may be alive in a family, besides its main process. */
export function maxProcesses(): number {
  const wanted = Number(process.env.MULTIPROC_MAX_PROCESSES)
  const limit = Number.isInteger(wanted) && wanted > 0 ? wanted : Math.max(256, 16 * availableParallelism())
  return Math.min(limit, PROCESS_ENTRIES)
}

/** Claims a place for a child that is about to be started. */
export function claimProcess(limit: number = maxProcesses()): ProcessPlace {
  const entry = processes().claim(currentThread().id, limit)
  if (entry < 0) {
    throw new MultiprocError(
      'ERR_MULTIPROC_PROCESS_LIMIT',
      `a process cannot be started: ${limit} processes of this family are alive, the most allowed. Join or end some, use a Pool, or set MULTIPROC_MAX_PROCESSES.`,
      { details: { limit } },
    )
  }
  let pid = 0
  let held = true
  return {
    started(childPid) {
      pid = childPid
      processes().started(entry, pid, os().startOf(pid))
    },
    release() {
      if (held) processes().release(entry, pid)
      held = false
    },
  }
}

/** The pids of all living child processes of the family, whoever started them. */
export function livingProcesses(): number[] {
  return processes().living()
}
