import { WorkerLostError } from '@multiproc/core'
import type { Thread } from '@multiproc/core'
import type { Deadlines } from './deadlines.ts'
import type { PoolSettings } from './options.ts'
import { RestartBudget } from './restart.ts'
import { WorkerSlot } from './worker-slot.ts'
import type { WorkerOwner } from './worker-slot.ts'

/** A worker, as events tell of it. */
export interface WorkerInfo {
  readonly name: string
  readonly pid: number | undefined
  /** null: it runs. */
  readonly exitCode: number | null
  readonly signalCode: NodeJS.Signals | null
  readonly tasksDone: number
}

export interface CrewOwner extends WorkerOwner {
  started(worker: WorkerInfo): void
  /** There is, or may come, something to do. */
  readonly isMore: boolean
  /** Tasks that no worker has. */
  readonly waiting: number
  /** No worker can be started any more. */
  giveUp(reason: unknown): void
}

/**
 * The workers of a pool: at most `processes`, each in a seat of its own, so that what belongs to a seat (tasks of one
 * affinity) finds the successor of a worker that is gone.
 */
export class Crew {
  /** All that have not ended, those that leave included. */
  readonly slots: WorkerSlot[] = []
  /** Who takes tasks, by seat. */
  readonly seats: (WorkerSlot | undefined)[]
  starts = 0
  initError: unknown
  readonly #owner: CrewOwner
  readonly #settings: PoolSettings
  readonly #budget: RestartBudget
  readonly #deadlines: Deadlines
  readonly #thread: Thread

  constructor(owner: CrewOwner, settings: PoolSettings, deadlines: Deadlines, thread: Thread) {
    this.#owner = owner
    this.#settings = settings
    this.#deadlines = deadlines
    this.#thread = thread
    this.#budget = new RestartBudget(settings.processes)
    this.seats = new Array<WorkerSlot | undefined>(settings.processes).fill(undefined)
  }

  /** Starts those that are there from the beginning; throws, with none left, when one cannot be started. */
  assemble(): void {
    while (this.starts < this.#settings.minProcesses) this.#sit(this.starts)
  }

  get sitting(): number {
    return this.seats.reduce((count, slot) => count + (slot === undefined ? 0 : 1), 0)
  }

  get isAnyStarting(): boolean {
    return this.slots.some(({ state }) => state === 'starting')
  }

  /** Starts a worker in an empty seat, if there is one and no other is on its way. */
  grow(): void {
    if (this.isAnyStarting) return
    const seat = this.seats.indexOf(undefined)
    if (seat >= 0) this.start(seat)
  }

  start(seat: number): void {
    try {
      this.#sit(seat)
    } catch (error) {
      // The others go on; without any nothing would ever settle.
      if (this.slots.length === 0) this.#owner.giveUp(error)
    }
  }

  succeeded(): void {
    this.#budget.succeeded()
  }

  /** It has answered: it goes when it has done, or grown, enough. */
  renewIfDue(slot: WorkerSlot): void {
    if (slot.state !== 'ready' || (slot.tasksDone < this.#settings.maxTasksPerChild && !slot.overgrown)) return
    this.#retire(slot)
    // Its successor starts while it ends.
    if (this.#owner.isMore) this.start(slot.seat)
  }

  /** Nothing is left to do, or to come. */
  dismiss(): void {
    for (const slot of this.slots) slot.retire()
  }

  kill(): void {
    for (const slot of this.slots) slot.kill()
  }

  gone(slot: WorkerSlot): void {
    this.slots.splice(this.slots.indexOf(slot), 1)
    const satThere = this.seats[slot.seat] === slot
    if (satThere) this.seats[slot.seat] = undefined
    if (slot.lostTasks) this.#budget.succeeded()
    else if (slot.tasksDone === 0 && !slot.retired && this.#budget.failed(slot.readyMs)) this.#owner.giveUp(this.initError ?? this.#cannotStart(slot))
    if (satThere && this.#owner.isMore && (this.sitting < this.#settings.minProcesses || this.#owner.waiting > 0)) this.start(slot.seat)
  }

  #sit(seat: number): void {
    const slot = new WorkerSlot(this.#owner, this.#settings, `${this.#settings.name}-${++this.starts}`, seat)
    this.slots.push(slot)
    this.seats[seat] = slot
    this.#owner.started(infoOf(slot))
    if (this.#settings.idleTimeout !== Infinity) this.#watchIdle(slot, this.#settings.idleTimeout)
  }

  /** One timer for each worker, however many tasks come. */
  #watchIdle(slot: WorkerSlot, leftMs: number): void {
    this.#deadlines.add(leftMs, () => {
      if (slot.state === 'gone' || slot.state === 'leaving') return
      const idleMs = slot.tasks.length > 0 || slot.state === 'starting' ? 0 : this.#thread.nowMs() - slot.lastBusyMs
      if (idleMs >= this.#settings.idleTimeout && this.sitting > this.#settings.minProcesses) return this.#retire(slot)
      this.#watchIdle(slot, Math.max(1, this.#settings.idleTimeout - idleMs))
    })
  }

  #retire(slot: WorkerSlot): void {
    slot.retire()
    this.seats[slot.seat] = undefined
  }

  #cannotStart(slot: WorkerSlot): WorkerLostError {
    const { exitCode, signalCode } = slot.process
    return new WorkerLostError(`the pool gave up: ${this.#budget.limit} workers in a row ended before they did anything (the last with ${signalCode ?? `exit code ${exitCode}`}). See what they wrote to stderr.`, {
      pid: slot.process.pid, processName: slot.process.name, exitCode, signalCode,
    })
  }
}

export function infoOf({ process: { name, pid, exitCode, signalCode }, tasksDone }: WorkerSlot): WorkerInfo {
  return { name, pid, exitCode, signalCode, tasksDone }
}
