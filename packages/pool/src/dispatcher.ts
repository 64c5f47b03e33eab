import { AnyTurn, currentThread, settleSync, TimeoutError } from '@multiproc/core'
import type { Thread } from '@multiproc/core'
import { endChannel, retryChannel } from './channels.ts'
import type { TaskMessage } from './channels.ts'
import { Crew, infoOf } from './crew.ts'
import type { CrewOwner, WorkerInfo } from './crew.ts'
import { Deadlines } from './deadlines.ts'
import type { Definition } from './definitions.ts'
import { Histogram } from './histogram.ts'
import { Lines } from './lines.ts'
import type { PoolSettings } from './options.ts'
import { Portion } from './portion.ts'
import { RunTimes } from './run-times.ts'
import { LEAVING, PAUSING, SENT, SETTLED, WAITING } from './task.ts'
import type { Task, TaskOwner } from './task.ts'
import type { WaitingTasks } from './waiting.ts'
import type { WorkerSlot } from './worker-slot.ts'

/** What happens in a pool, as its events and channels tell it. Called in a turn of its own. */
export interface PoolObserver {
  workerStart(worker: WorkerInfo): void
  workerExit(worker: WorkerInfo): void
  drain(): void
}

/** Tasks in a worker's channel while they are tiny: enough that neither side waits for the other. */
const MOST_IN_CHANNEL = 256
/** No more than about this much work waits in a worker's channel, where idle workers can only get it by taking it back. */
const WORK_AHEAD_MICROSECONDS = 1000
/** How many tasks are submitted between two looks at the answers, in a long synchronous burst. */
const LOOK_EVERY = 128
/** Tasks that go to one worker before the next one is chosen. */
const MOST_AT_ONCE = 64

/**
 * Which task goes to which worker. Data flows one way:
 *
 *   submit() -> waiting tasks -> worker's channel -> worker -> worker's answers -> the task's outcome
 *
 * A worker that is ready and idle gets the next task at once. Of a burst it gets several: while tasks are tiny, so many that
 * it need not wait for the next, and what then lies unread behind a task that turned out long is taken back for a worker that
 * has nothing to do.
 */
export class Dispatcher implements CrewOwner, TaskOwner {
  readonly deadlines: Deadlines
  readonly runTimes: RunTimes
  readonly crew: Crew
  readonly ran = new Histogram()
  readonly took = new Histogram()
  submitted = 0
  tasksFailed = 0
  retried = 0
  /** Tasks that were submitted and are not settled. */
  outstanding = 0
  isOpen = true
  /** Resolves once every worker process has ended. */
  readonly ended: Promise<void>
  readonly #settings: PoolSettings
  readonly #observer: PoolObserver
  readonly #thread: Thread
  readonly #lines: Lines
  /** How many tasks a worker's channel may have. */
  readonly #window = new Portion(WORK_AHEAD_MICROSECONDS, MOST_IN_CHANNEL, 8)
  readonly #pausing = new Map<Task, () => void>()
  /** At the last answer, or failure, or the first task of a turn: near enough, and cheaper than a clock for each task of a burst. */
  #nowMs: number
  readonly #stopPassing: () => void
  #held = 0
  #isSending = false
  /** Tasks submitted in this turn. */
  #inThisTurn = 0
  #nextSeat = 0
  #failure: unknown
  #resolveEnded!: () => void

  constructor(settings: PoolSettings, observer: PoolObserver) {
    this.#settings = settings
    this.#lines = new Lines(settings.processes)
    this.#observer = observer
    this.#thread = currentThread()
    this.#nowMs = this.#thread.nowMs()
    this.deadlines = new Deadlines(this.#thread)
    this.runTimes = new RunTimes(this.deadlines, settings.concurrency, (task) => this.#ranTooLong(task))
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve))
    this.crew = new Crew(this, settings, this.deadlines, this.#thread)
    // What was submitted in this turn must not wait for its end when the thread blocks before.
    this.#stopPassing = this.#thread.onPark(() => {
      // Not when it blocks for a moment in a send of ours: the task that is being sent would go out twice, and the next one be lost.
      if (!this.#isSending) this.#sendWaiting()
    })
    try {
      this.crew.assemble()
    } catch (error) {
      this.terminate(error)
      throw error
    }
  }

  /** How many tasks are with no worker yet. */
  get waiting(): number {
    return this.#lines.size
  }

  get isMore(): boolean {
    return this.#failure === undefined && (this.isOpen || this.outstanding > 0 || this.#held > 0)
  }

  /** The task was encoded already, so nothing that can fail is left. */
  submit(task: Task): void {
    if (this.outstanding === 0 || this.#inThisTurn === 0) this.#nowMs = this.#thread.nowMs()
    if (this.outstanding++ === 0) this.#thread.ref()
    this.submitted += 1
    task.submittedMs = this.#nowMs
    if (this.#failure !== undefined) return task.fail(this.#failure)
    task.place = WAITING
    this.#lines.push(task)
    // The first ones of a turn begin at once. Of a burst many go together: each message to a sleeping worker costs a system call.
    if (++this.#inThisTurn <= this.#settings.processes) {
      if (this.#inThisTurn === 1) queueMicrotask(this.#endOfTurn)
      if (this.#isAnyIdle()) this.#dispatch()
    } else if (this.#inThisTurn % LOOK_EVERY === 0) this.#look()
  }

  settled(task: Task, failed: boolean): void {
    if (failed) {
      this.tasksFailed += 1
      this.#nowMs = this.#thread.nowMs()
    }
    if (endChannel.hasSubscribers) endChannel.publish(this.#messageOf(task))
    this.took.add((this.#nowMs - task.submittedMs) * 1000)
    if (--this.outstanding > 0) return
    this.#thread.unref()
    this.#observer.drain()
    this.#endIfDone()
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
  withdraw(tasks: Iterable<Task>, reason: unknown): void {
    for (const task of tasks) {
      if (task.place === SENT && task.slot !== undefined) this.#lines.putBack(task.slot.takeBack(Infinity))
      if (task.place !== WAITING) continue
      task.fail(reason)
      this.#lines.withdrawn(task)
    }
    this.#dispatch()
  }

  /**
   * Rejects those of them that have not ended. One that runs and has asked for its signal gets `killDelay` to end by itself;
   * else it is ended with its worker. What else that worker had runs elsewhere.
   *
   * @returns false when all had ended.
   */
  cancel(tasks: readonly Task[], reason: unknown): boolean {
    for (const task of tasks) task.slot?.readReplies()
    const left = tasks.filter(({ place }) => place !== SETTLED)
    this.withdraw(left, reason)
    for (const task of left) {
      if (task.place === PAUSING) {
        this.#pausing.get(task)?.()
        this.#pausing.delete(task)
        task.fail(reason)
      } else if (task.place === SENT) this.#stop(task, reason)
    }
    return left.length > 0
  }

  #stop(task: Task, reason: unknown): void {
    const slot = task.slot as WorkerSlot
    const { killDelay } = this.#settings
    if (task.listens && killDelay > 0) {
      slot.cancel(task)
      this.deadlines.add(killDelay, () => {
        if (slot.tasks.includes(task)) slot.stopFor(task)
      })
    } else slot.stopFor(task)
    task.fail(reason)
  }

  #ranTooLong(task: Task): void {
    if (task.place !== SENT) return
    this.cancel([task], new TimeoutError(`task ${task.id} ran longer than its runTimeout of ${task.options.runTimeout} ms, so it was ended. Raise runTimeout, or look at what the task does.`, { details: { taskId: task.id } }))
  }

  takesBack(task: Task, error: unknown, isCrash: boolean): boolean {
    const { attempts } = task
    if (attempts === undefined || this.#failure !== undefined || task.place !== SENT) return false
    try {
      if (!attempts.another(error, isCrash)) return false
    } catch (thrown) {
      task.fail(thrown)
      return true
    }
    // The function that decides is the user's: it may have ended the pool, or the task.
    if (this.#failure !== undefined || task.place !== SENT) return task.place !== SENT
    this.retried += 1
    if (retryChannel.hasSubscribers) retryChannel.publish({ ...this.#messageOf(task), error })
    task.takenBack(true)
    task.place = PAUSING
    const pause = this.deadlines.add(attempts.delayMs, () => {
      this.#pausing.delete(task)
      task.place = WAITING
      this.#lines.push(task)
      this.#dispatch()
    })
    this.#pausing.set(task, () => this.deadlines.cancel(pause))
    return true
  }

  forget(definition: Definition): void {
    definition.dropped()
    for (const slot of this.crew.slots) slot.forget(definition)
  }

  close(): void {
    this.isOpen = false
    this.#endIfDone()
  }

  terminate(reason: unknown): void {
    this.isOpen = false
    this.giveUp(reason)
    this.crew.kill()
    this.#endIfDone()
  }

  /** Rejects all there is. */
  giveUp(reason: unknown): void {
    this.#failure ??= reason
    const tasks = this.#lines.takeAll()
    for (const [task, stopPause] of this.#pausing) {
      stopPause()
      tasks.push(task)
    }
    this.#pausing.clear()
    for (const slot of this.crew.slots) tasks.push(...slot.takeAll())
    for (const task of tasks) if (task.place !== SETTLED) task.place = LEAVING
    for (const task of tasks) task.fail(this.#failure)
  }

  started(worker: WorkerInfo): void {
    this.#observer.workerStart(worker)
  }

  initFailed(error: unknown): void {
    this.crew.initError = error
  }

  reported(task: Task, value: unknown): void {
    const { onReport } = task.options
    // In a turn of its own: it is the user's, and may do anything to the pool.
    if (onReport !== undefined) queueMicrotask(() => onReport(value as never, { id: task.id, attempt: task.attempts?.begun ?? 1 }))
  }

  answered(slot: WorkerSlot, task: Task | undefined, microseconds: number): void {
    if (task !== undefined) task.microseconds = microseconds
    this.#nowMs = this.#thread.nowMs()
    slot.lastBusyMs = this.#nowMs
    this.crew.succeeded()
    this.ran.add(microseconds)
    this.#window.ran(1, microseconds)
  }

  returned(task: Task): void {
    this.#lines.putBack([task])
  }

  idle(slot: WorkerSlot): void {
    this.crew.renewIfDue(slot)
    this.#dispatch()
    this.#endIfDone()
  }

  gone(slot: WorkerSlot, untouched: Task[]): void {
    this.#lines.putBack(untouched)
    this.crew.gone(slot)
    this.#observer.workerExit(infoOf(slot))
    this.#dispatch()
    this.#endIfDone()
  }

  /** Blocks the thread until `isDone`, while the pool works on; false when the deadline passed first. */
  waitSync(call: string, isDone: () => boolean, deadlineMs: number): boolean {
    for (;;) {
      this.deadlines.runDue()
      for (const slot of [...this.crew.slots]) {
        if (slot.process.exitCode !== null) slot.ended()
        else slot.readReplies()
      }
      this.#dispatch()
      if (isDone()) return true
      if (this.#thread.nowMs() >= deadlineMs) return false
      const turns = this.crew.slots.flatMap((slot) => slot.turns(call))
      settleSync(this.#thread, new AnyTurn(turns), Math.min(deadlineMs, this.deadlines.nextMs))
    }
  }

  #messageOf(task: Task): TaskMessage {
    return {
      pool: this.#settings.name, id: task.id, call: task.name, items: task.items,
      runMs: task.microseconds / 1000, totalMs: this.#thread.nowMs() - task.submittedMs, error: task.failure,
    }
  }

  readonly #endOfTurn = (): void => {
    const sent = this.#inThisTurn <= this.#settings.processes && this.waiting === 0
    this.#inThisTurn = 0
    if (!sent) this.#look()
  }

  #look(): void {
    this.#nowMs = this.#thread.nowMs()
    for (const slot of this.crew.slots) slot.readReplies()
    this.#dispatch()
  }

  #isAnyIdle(): boolean {
    for (const slot of this.crew.seats) if (slot !== undefined && slot.state === 'ready' && slot.tasks.length === 0) return true
    return false
  }

  #dispatch(): void {
    this.#sendWaiting()
    if (this.#lines.any.size > 0) this.crew.grow()
    else this.#shareOut()
  }

  #sendWaiting(): void {
    if (this.#lines.pinned.size > 0) this.#sendPinned()
    while (this.#lines.any.size > 0) {
      const slot = this.#choose()
      if (slot === undefined) return
      // To each its share, so that none waits while another has all.
      const share = Math.max(1, Math.min(MOST_AT_ONCE, Math.ceil(this.#lines.any.size / this.#settings.processes)))
      if (this.#sendTo(slot, this.#lines.any, Math.min(share, this.#roomOf(slot))) === 0) return
    }
  }

  #sendPinned(): void {
    for (const [seat, line] of this.#lines.pinned) {
      if (line.size === 0) continue
      const slot = this.crew.seats[seat]
      if (slot === undefined) this.crew.start(seat)
      else this.#sendTo(slot, line, this.#roomOf(slot))
    }
  }

  /** Returns how many were sent. A task that cannot be sent for want of memory, say, is rejected, and gone. */
  #sendTo(slot: WorkerSlot, line: WaitingTasks, most: number): number {
    let sent = 0
    for (; sent < most; sent++) {
      const task = line.peek()
      if (task === undefined) return sent
      this.#isSending = true
      try {
        if (!slot.trySend(task)) return sent
      } catch (error) {
        task.place = LEAVING
        queueMicrotask(() => task.fail(error))
      } finally {
        this.#isSending = false
      }
      line.shift()
    }
    return sent
  }

  /** How many tasks more it may have. */
  #roomOf(slot: WorkerSlot): number {
    if (slot.state !== 'ready') return 0
    const { concurrency, maxTasksPerChild } = this.#settings
    const window = concurrency > 1 ? concurrency : this.#window.next
    return Math.min(window, maxTasksPerChild - slot.tasksDone) - slot.tasks.length
  }

  /** The least loaded worker with room; among equals the last one used, whose caches and core are warm. */
  #choose(): WorkerSlot | undefined {
    const { seats } = this.crew
    let best: WorkerSlot | undefined
    for (let n = 0; n < seats.length; n++) {
      const slot = seats[(this.#nextSeat + n) % seats.length]
      if (slot === undefined || (best !== undefined && slot.tasks.length >= best.tasks.length) || this.#roomOf(slot) <= 0) continue
      best = slot
      if (best.tasks.length === 0) break
    }
    if (best !== undefined) this.#nextSeat = best.seat
    return best
  }

  /** A worker with nothing to do, and another with work it has not begun: half of that changes hands. */
  #shareOut(): void {
    if (!this.#isAnyIdle()) return
    let busy: WorkerSlot | undefined
    for (const slot of this.crew.slots) if (slot.tasks.length > (busy?.tasks.length ?? this.#settings.concurrency)) busy = slot
    if (busy === undefined) return
    // Not all to the idle one: more may come back than was asked for.
    this.#lines.putBack(busy.takeBack(Math.ceil((busy.tasks.length - this.#settings.concurrency) / 2)))
    this.#sendWaiting()
  }

  #endIfDone(): void {
    if (this.isOpen) return
    if (this.outstanding === 0 && this.#held === 0) this.crew.dismiss()
    if (this.crew.slots.length > 0) return
    this.#stopPassing()
    this.#resolveEnded()
  }
}
