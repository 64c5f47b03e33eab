import type { Dispatcher } from './dispatcher.ts'
import type { Latency } from './histogram.ts'

export interface WorkerStats {
  readonly name: string
  readonly pid: number | undefined
  /** `leaving`: gets no more tasks. */
  readonly state: 'starting' | 'ready' | 'leaving'
  /** Tasks (or chunks) it has been given and has not answered, and those it has answered. */
  readonly tasks: number
  readonly tasksDone: number
}

/** Counts are of tasks; a chunk of a `map` is one. Times are in milliseconds. */
export interface PoolStats {
  readonly workers: readonly WorkerStats[]
  readonly workersStarted: number
  /** With no worker yet. */
  readonly waiting: number
  readonly outstanding: number
  readonly submitted: number
  readonly completed: number
  readonly failed: number
  /** Attempts after the first. */
  readonly retried: number
  /** How long tasks ran in their workers. */
  readonly runTime: Latency
  /** From the submission to the end. */
  readonly totalTime: Latency
}

export function statsOf(dispatcher: Dispatcher): PoolStats {
  const { crew, waiting, outstanding, submitted, tasksFailed, retried, ran, took } = dispatcher
  const workers = crew.slots.filter(({ state }) => state !== 'gone').map((slot) => ({
    name: slot.process.name, pid: slot.process.pid, state: slot.state as WorkerStats['state'], tasks: slot.tasks.length, tasksDone: slot.tasksDone,
  }))
  return {
    workers, workersStarted: crew.starts, waiting, outstanding, submitted, completed: submitted - outstanding - tasksFailed, failed: tasksFailed, retried,
    runTime: ran.summary(), totalTime: took.summary(),
  }
}
