import { currentThread, TimeoutError, WorkerLostError } from '@multiproc/core'
import type { Thread } from '@multiproc/core'
import type { Definition } from './definitions.ts'
import { RestartBudget } from './restart.ts'
import type { Task } from './task.ts'
import { WorkerSlot } from './worker-slot.ts'
import type { WorkerOwner, WorkerSettings } from './worker-slot.ts'

export interface DispatcherSettings extends WorkerSettings {
  readonly processes: number
  readonly maxTasksPerChild: number
}

/** Tasks in a worker's channel while they are tiny: enough that neither side waits for the other. */
const MOST_IN_CHANNEL = 256
/** No more than about this much work waits in a worker's channel, where idle workers can only get it by taking it back. */
const WORK_AHEAD_MICROSECONDS = 1000
/** How many tasks are submitted between two looks at the answers, in a long synchronous burst. */
const LOOK_EVERY = 16

/**
 * Which task goes to which worker. Data flows one way:
 *
 *   submit() -> waiting tasks -> worker's channel -> worker -> worker's answers -> the task's promise
 *
 * A worker that is ready gets the next waiting task; while tasks are tiny it gets more, so that it need not wait for the
 * next. What then lies unread behind a task that turned out long is taken back for a worker that has nothing to do.
 */
export class Dispatcher implements WorkerOwner {
  readonly #settings: DispatcherSettings
  readonly #thread: Thread
  readonly #slots: WorkerSlot[] = []
  readonly #budget: RestartBudget
  #waiting: Task[] = []
  #nextWaiting = 0
  /** Between two attempts. */
  readonly #pausing = new Map<Task, NodeJS.Timeout>()
  #outstanding = 0
  #held = 0
  #submitted = 0
  #workerCount = 0
  #lastWorker = 0
  #meanMicroseconds = Infinity
  #isOpen = true
  #failure: unknown
  #initError: unknown
  readonly #ended: Promise<void>
  #resolveEnded!: () => void

  constructor(settings: DispatcherSettings) {
    this.#settings = settings
    this.#thread = currentThread()
    this.#ended = new Promise((resolve) => (this.#resolveEnded = resolve))
    this.#budget = new RestartBudget(settings.processes)
    try {
      while (this.#slots.length < settings.processes) this.#slots.push(new WorkerSlot(this, this.#numbered()))
    } catch (error) {
      this.terminate(error)
      throw error
    }
  }

  /** Tasks that were submitted and are not settled. */
  get outstanding(): number {
    return this.#outstanding
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get workers(): readonly WorkerSlot[] {
    return this.#slots
  }

  /** Resolves once every worker process has ended. */
  get ended(): Promise<void> {
    return this.#ended
  }

  /** The task was encoded already, so nothing that can fail is left. */
  submit(task: Task): void {
    if (this.#outstanding++ === 0) this.#thread.ref()
    if (this.#failure !== undefined) return task.fail(this.#failure)
    this.#waiting.push(task)
    if (++this.#submitted % LOOK_EVERY === 0) for (const slot of this.#slots) slot.readReplies()
    this.#dispatch()
  }

  /** A task was settled, however: called by the pool, which wraps each task's promise. */
  settled(): void {
    if (--this.#outstanding === 0) this.#thread.unref()
    this.#endIfDone()
  }

  /** How many tasks are with no worker yet. */
  get waiting(): number {
    return this.#waiting.length - this.#nextWaiting
  }

  /** Tasks are still to come of a call that was made before `close()`: the workers stay. Does not keep the loop alive. */
  hold(): () => void {
    this.#held += 1
    return () => {
      this.#held -= 1
      this.#endIfDone()
    }
  }

  /** Rejects those of them that no worker has begun. */
  withdraw(tasks: ReadonlySet<Task>, reason: unknown): void {
    for (const slot of this.#slots) if (slot.tasks.some((task) => tasks.has(task))) this.#putBack(slot.takeBack(Infinity))
    const kept = this.#waiting.slice(this.#nextWaiting).filter((task) => !tasks.has(task))
    const dropped = this.#waiting.slice(this.#nextWaiting).filter((task) => tasks.has(task))
    this.#waiting = kept
    this.#nextWaiting = 0
    for (const task of dropped) task.fail(reason)
    this.#dispatch()
  }

  /** Rejects those of them that have not ended. One that runs is ended with its worker; what else that worker had runs elsewhere. */
  cancel(tasks: ReadonlySet<Task>, reason: unknown): void {
    for (const slot of this.#slots) slot.readReplies()
    this.withdraw(tasks, reason)
    for (const slot of this.#slots) {
      const running = slot.tasks.filter((task) => tasks.has(task))
      for (const task of running) {
        slot.stopFor(task)
        task.fail(reason)
      }
    }
    for (const task of tasks) {
      if (!this.#pausing.has(task)) continue
      clearTimeout(this.#pausing.get(task))
      this.#pausing.delete(task)
      task.fail(reason)
    }
  }

  ranTooLong(task: Task): void {
    this.cancel(new Set([task]), new TimeoutError(`task ${task.id} ran longer than its runTimeout of ${task.runTimeoutMs} ms, so its worker was ended. Raise runTimeout, or look at what the task does.`, { details: { taskId: task.id } }))
  }

  takesBack(task: Task, error: unknown, isCrash: boolean): boolean {
    const { attempts } = task
    if (attempts === undefined || this.#failure !== undefined) return false
    try {
      if (!attempts.another(error, isCrash)) return false
    } catch (thrown) {
      task.fail(thrown)
      return true
    }
    const again = (): void => {
      this.#pausing.delete(task)
      this.#waiting.push(task)
      this.#dispatch()
    }
    this.#pausing.set(task, setTimeout(again, attempts.delayMs))
    return true
  }

  forget(definition: Definition): void {
    definition.dropped()
    for (const slot of this.#slots) slot.forget(definition)
  }

  close(): void {
    this.#isOpen = false
    this.#endIfDone()
  }

  terminate(reason: unknown): void {
    this.#isOpen = false
    this.#fail(reason)
    for (const slot of this.#slots) slot.kill()
    this.#endIfDone()
  }

  idle(slot: WorkerSlot, microseconds?: number): void {
    if (microseconds !== undefined) {
      this.#budget.succeeded()
      this.#measure(microseconds)
    }
    if (slot.state === 'ready' && slot.tasksDone >= this.#settings.maxTasksPerChild) {
      slot.retire()
      // Its successor starts while it ends.
      if (this.#isMore) this.#start()
    }
    this.#dispatch()
    this.#endIfDone()
  }

  initFailed(error: unknown): void {
    this.#initError = error
  }

  gone(slot: WorkerSlot, untouched: Task[]): void {
    this.#putBack(untouched)
    this.#slots.splice(this.#slots.indexOf(slot), 1)
    if (slot.lostTasks) this.#budget.succeeded()
    else if (slot.tasksDone === 0 && !slot.retired && this.#budget.failed(slot.readyMs)) this.#fail(this.#initError ?? this.#cannotStart(slot))
    if (!slot.retired && this.#failure === undefined && this.#isMore) this.#start()
    this.#dispatch()
    this.#endIfDone()
  }

  get #hasWaiting(): boolean {
    return this.waiting > 0
  }

  /** There is, or may come, something to do. */
  get #isMore(): boolean {
    return this.#isOpen || this.#outstanding > 0 || this.#held > 0
  }

  #putBack(untouched: Task[]): void {
    if (untouched.length === 0) return
    this.#waiting = [...untouched, ...this.#waiting.slice(this.#nextWaiting)]
    this.#nextWaiting = 0
  }

  #dispatch(): void {
    this.#sendWaiting()
    if (!this.#hasWaiting) this.#shareOut()
  }

  #sendWaiting(): void {
    while (this.#hasWaiting) {
      const slot = this.#choose()
      if (slot === undefined) return
      const task = this.#waiting[this.#nextWaiting] as Task
      if (!this.#send(slot, task)) return
      this.#nextWaiting += 1
      if (this.#nextWaiting === this.#waiting.length) {
        this.#waiting.length = 0
        this.#nextWaiting = 0
      } else if (this.#nextWaiting >= 1024 && this.#nextWaiting * 2 > this.#waiting.length) {
        this.#waiting = this.#waiting.slice(this.#nextWaiting)
        this.#nextWaiting = 0
      }
    }
  }

  /** False: no room. A task that cannot be sent for another reason (no memory) is rejected, and gone. */
  #send(slot: WorkerSlot, task: Task): boolean {
    try {
      return slot.trySend(task)
    } catch (error) {
      queueMicrotask(() => task.fail(error))
      return true
    }
  }

  /** The least loaded worker with room; among equals the last one used, whose caches and core are warm. */
  #choose(): WorkerSlot | undefined {
    const window = this.#window()
    const slots = this.#slots
    let best: WorkerSlot | undefined
    for (let n = 0; n < slots.length; n++) {
      const index = (this.#lastWorker + n) % slots.length
      const slot = slots[index] as WorkerSlot
      if (slot.state !== 'ready' || slot.tasks.length >= Math.min(window, this.#settings.maxTasksPerChild - slot.tasksDone)) continue
      if (best === undefined || slot.tasks.length < best.tasks.length) best = slot
      if (best.tasks.length === 0) break
    }
    if (best !== undefined) this.#lastWorker = slots.indexOf(best)
    return best
  }

  /** A worker with nothing to do, and another with work it has not begun: half of that changes hands. */
  #shareOut(): void {
    const idle = this.#slots.find((slot) => slot.state === 'ready' && slot.tasks.length === 0)
    if (idle === undefined) return
    const busy = this.#slots.reduce((most, slot) => (slot.tasks.length > most.tasks.length ? slot : most))
    if (busy.tasks.length < 2) return
    // Not all to the idle one: more may come back than was asked for.
    this.#putBack(busy.takeBack(Math.ceil((busy.tasks.length - 1) / 2)))
    this.#sendWaiting()
  }

  #window(): number {
    return Math.max(1, Math.min(MOST_IN_CHANNEL, Math.floor(WORK_AHEAD_MICROSECONDS / this.#meanMicroseconds)))
  }

  #measure(microseconds: number): void {
    // A long task counts at once, short ones have to be many: too small a window costs little, too large a one makes tasks wait.
    const mean = this.#meanMicroseconds
    this.#meanMicroseconds = microseconds > mean || mean === Infinity ? microseconds : mean + (microseconds - mean) / 8
  }

  #start(): void {
    try {
      this.#slots.push(new WorkerSlot(this, this.#numbered()))
    } catch (error) {
      // The others go on; without any nothing would ever settle.
      if (this.#slots.length === 0) this.#fail(error)
    }
  }

  #numbered(): WorkerSettings {
    return { ...this.#settings, name: `${this.#settings.name}-${++this.#workerCount}` }
  }

  #fail(reason: unknown): void {
    this.#failure ??= reason
    const waiting = this.#waiting.slice(this.#nextWaiting)
    this.#waiting = []
    this.#nextWaiting = 0
    const pausing = [...this.#pausing.keys()]
    for (const timer of this.#pausing.values()) clearTimeout(timer)
    this.#pausing.clear()
    for (const task of [...waiting, ...pausing]) task.fail(reason)
    for (const slot of this.#slots) for (const task of slot.takeAll()) task.fail(reason)
  }

  #cannotStart(slot: WorkerSlot): WorkerLostError {
    const { exitCode, signalCode } = slot.process
    return new WorkerLostError(`the pool gave up: ${this.#budget.limit} workers in a row ended before they did anything (the last with ${signalCode ?? `exit code ${exitCode}`}). See what they wrote to stderr.`, {
      pid: slot.process.pid, processName: slot.process.name, exitCode, signalCode,
    })
  }

  #endIfDone(): void {
    if (this.#isOpen) return
    if (this.#outstanding === 0 && this.#held === 0) for (const slot of this.#slots) slot.retire()
    if (this.#slots.length === 0) this.#resolveEnded()
  }
}
