import type { Deadline, Deadlines } from './deadlines.ts'
import type { Task } from './task.ts'

interface Runner {
  /** Oldest first. */
  readonly tasks: readonly Task[]
}

/** Which tasks run, and when they have run for as long as they may: of each worker's, the oldest `concurrency`. */
export class RunTimes {
  readonly #deadlines: Deadlines
  readonly #concurrency: number
  readonly #ranTooLong: (task: Task) => void
  readonly #timed = new Map<Runner, Map<Task, Deadline>>()

  constructor(deadlines: Deadlines, concurrency: number, ranTooLong: (task: Task) => void) {
    this.#deadlines = deadlines
    this.#concurrency = concurrency
    this.#ranTooLong = ranTooLong
  }

  /** To be called whenever a worker's tasks have changed. */
  watch(runner: Runner): void {
    const { tasks } = runner
    const timed = this.#timed.size === 0 ? undefined : this.#timed.get(runner)
    if (timed !== undefined) this.#drop(runner, timed)
    const running = Math.min(this.#concurrency, tasks.length)
    for (let i = 0; i < running; i++) {
      const task = tasks[i] as Task
      const { runTimeout } = task.options
      if (runTimeout !== undefined && !timed?.has(task)) this.#add(runner, task, runTimeout)
    }
  }

  #drop(runner: Runner, timed: Map<Task, Deadline>): void {
    const running = new Set(runner.tasks.slice(0, this.#concurrency))
    for (const [task, deadline] of timed) {
      if (running.has(task)) continue
      this.#deadlines.cancel(deadline)
      timed.delete(task)
    }
    if (timed.size === 0) this.#timed.delete(runner)
  }

  #add(runner: Runner, task: Task, runTimeout: number): void {
    let timed = this.#timed.get(runner)
    if (timed === undefined) this.#timed.set(runner, (timed = new Map()))
    timed.set(task, this.#deadlines.add(runTimeout, () => this.#ranTooLong(task)))
  }
}
