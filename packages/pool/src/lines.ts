import type { Task } from './task.ts'
import { WaitingTasks } from './waiting.ts'

/** All tasks that no worker has: in the line for any worker, or in that of the one seat whose worker may run them. */
export class Lines {
  readonly any = new WaitingTasks()
  /** By seat. */
  readonly pinned = new Map<number, WaitingTasks>()
  readonly #seats: number

  constructor(seats: number) {
    this.#seats = seats
  }

  get size(): number {
    let { size } = this.any
    for (const line of this.pinned.values()) size += line.size
    return size
  }

  push(task: Task): void {
    this.#of(task).push(task)
  }

  /** They begin before all others, in the order given. */
  putBack(tasks: readonly Task[]): void {
    for (const task of tasks.toReversed()) this.#of(task).putBack(task)
  }

  /** It was withdrawn: its place says so already. */
  withdrawn(task: Task): void {
    this.#of(task).withdrawn()
  }

  takeAll(): Task[] {
    return [this.any, ...this.pinned.values()].flatMap((line) => line.takeAll())
  }

  #of({ options: { affinity }, seat }: Task): WaitingTasks {
    const pinnedTo = seat ?? (affinity === undefined ? undefined : hashOf(affinity) % this.#seats)
    if (pinnedTo === undefined) return this.any
    let line = this.pinned.get(pinnedTo)
    if (line === undefined) this.pinned.set(pinnedTo, (line = new WaitingTasks()))
    return line
  }
}

function hashOf(key: string | number): number {
  let hash = 0
  for (const char of String(key)) hash = (hash * 31 + (char.codePointAt(0) as number)) >>> 0
  return hash
}
