import { Channel, currentThread, decode, EOFError, unpackThrown, WAITABLE, WAITS_SYNC, WorkerLostError } from '@multiproc/core'
import type { PackedThrown, Turn } from '@multiproc/core'
import { internals, Process } from '@multiproc/process'
import { workerMain } from './child/worker-main.ts'
import type { Definition } from './definitions.ts'
import type { PoolSettings } from './options.ts'
import { CANCEL, CREDIT, INIT_FAILED, LISTENS, NEEDS, NO_TASK, OVERGROWN, READY, readWord, REPLY_HEADER_BYTES, REPORTED, RETURNED, STATUS_MASK, YIELDED } from './protocol.ts'
import type { Control } from './protocol.ts'
import type { RunTimes } from './run-times.ts'
import { SENT } from './task.ts'
import type { Task } from './task.ts'

export interface WorkerOwner {
  readonly runTimes: RunTimes
  /** The worker is ready, or has answered: there is room for tasks. */
  idle(slot: WorkerSlot): void
  /** It has answered a task, which ran for so long. */
  answered(slot: WorkerSlot, task: Task | undefined, microseconds: number): void
  initFailed(error: unknown): void
  reported(task: Task, value: unknown): void
  /** The attempt has failed: true when there is another one, and the owner has the task again. */
  takesBack(task: Task, error: unknown, isCrash: boolean): boolean
  /** The worker could not begin it: it waits again, before all others. */
  returned(task: Task): void
  /** The worker is gone. `untouched` are tasks that it had not begun; those that it ran are rejected already. */
  gone(slot: WorkerSlot, untouched: Task[]): void
}

/** Where answers are decoded from. A decode inside a decode (a reviver that submits a task) finds it taken. */
const scratch = Buffer.allocUnsafeSlow(16 * 1024)
const none = new Uint8Array(0)
let scratchIsFree = true
/** After so many answers the owner is asked for tasks, so that a worker with many answers does not run out of them. */
const IDLE_EVERY = 32
const CONTROL_BYTES = 1024

/**
 * One worker process as its pool sees it.
 *
 * State      set by                              legal next
 *   starting the constructor                     ready (READY came), gone
 *   ready    READY                               leaving (retire), gone
 *   leaving  retire(): gets no more tasks        gone
 *   gone     its process has ended
 *
 * What its death does to a task, by where the task is when the process has ended:
 *   still in the channel, unread                 untouched: given back to the pool, in order
 *   answered, the answer in the channel          settled by the answer: the channel is read to its end first
 *   anything between                             rejected with WorkerLostError: it may have run in part; or tried again,
 *                                                if the task says so, or if the pool killed the worker for another task
 */
export class WorkerSlot {
  readonly process: Process
  readonly seat: number
  state: 'starting' | 'ready' | 'leaving' | 'gone' = 'starting'
  /** Sent and not answered, oldest first. */
  readonly tasks: Task[] = []
  tasksDone = 0
  /** It died under a task, or was ended for one: no sign that workers cannot be started. */
  lostTasks = false
  /** It ends because it was told to. */
  retired = false
  overgrown = false
  lastBusyMs: number
  readonly #owner: WorkerOwner
  readonly #channel: Channel
  readonly #control: Channel
  readonly #controlEnd: Channel
  /** The worker's end, also held here: to take back what a dead worker has not read. */
  readonly #workerEnd: Channel
  readonly #defined = new Set<number>()
  readonly #stopListening: () => void
  /** Killed for one of its tasks: the others are innocent. */
  #stopped = false
  #readyAtMs = Infinity
  #isDraining = false

  constructor(owner: WorkerOwner, settings: PoolSettings, name: string, seat: number) {
    this.#owner = owner
    this.seat = seat
    this.lastBusyMs = currentThread().nowMs()
    ;[this.#channel, this.#workerEnd] = Channel.pair()
    ;[this.#controlEnd, this.#control] = Channel.pair({ duplex: false, capacity: CONTROL_BYTES })
    const { initializer, initArgs, concurrency, memoryLimit, env, execArgv, method, resourceLimits } = settings
    this.process = new Process({
      target: workerMain,
      args: [this.#workerEnd, this.#controlEnd, { initializer, initArgs, concurrency, memoryLimit }],
      name,
      daemon: true,
      ...(method && { method }),
      ...(env && { env }),
      ...(execArgv && { execArgv }),
      [internals]: { mayHaveChildren: true, ignoreSigint: true, title: name, ...(resourceLimits && { resourceLimits }) },
    })
    this.#stopListening = this.#channel.listen(() => this.readReplies())
    this.process.on('exit', () => this.ended())
    try {
      this.process.start()
    } catch (error) {
      this.#close()
      throw error
    }
  }

  /** False when its channel is full: it calls `idle` when it has answered. */
  trySend(task: Task): boolean {
    if (task.needs !== undefined) for (const definition of task.needs) if (!this.#define(definition)) return false
    if (task.definition !== undefined && !this.#define(task.definition)) return false
    const { bytes, start, length } = task.record
    if (!this.#channel.trySendBytes(bytes, start, length)) return false
    this.tasks.push(task)
    task.sentTo(this)
    this.#owner.runTimes.watch(this)
    return true
  }

  #define(definition: Definition): boolean {
    if (this.#defined.has(definition.key)) return true
    if (definition.needs !== undefined) for (const needed of definition.needs) if (!this.#define(needed)) return false
    const { bytes, start, length } = definition.record
    if (!this.#channel.trySendBytes(bytes, start, length)) return false
    this.#defined.add(definition.key)
    definition.encoded.commit()
    return true
  }

  /** Lets go of a function. Losing this in a full channel costs memory in the worker, nothing else. */
  forget(definition: Definition): void {
    if (!this.#channel.writable || !this.#defined.delete(definition.key)) return
    const { bytes, length } = definition.forgetRecord()
    this.#channel.trySendBytes(bytes, 0, length)
  }

  /** Aborts the signal of a task that runs. */
  cancel(task: Task): void {
    this.#tell([CANCEL, task.id])
  }

  /** Lets a stream go on by so many values. */
  credit(task: Task, values: number): void {
    this.#tell([CREDIT, task.id, values])
  }

  #tell(message: Control): void {
    if (this.#control.writable) this.#control.send(message).catch(() => {})
  }

  /** Takes back up to `most` of the tasks that the worker has not begun, oldest first. */
  takeBack(most: number): Task[] {
    const untouched: Task[] = []
    const forgets: Buffer[] = []
    let orphaned = false
    // Behind a definition that was taken back lie tasks that need it: they are taken back, too. One that the worker reads
    // in between it answers with NEEDS.
    while (untouched.length < most || orphaned) {
      const bytes = this.#readUnbegun()
      if (bytes === undefined) break
      const id = readWord(bytes, 0)
      if (id === NO_TASK) {
        forgets.push(bytes)
      } else if (id < NO_TASK) {
        orphaned = true
        this.#defined.delete(-id)
      } else {
        const task = this.#remove(id)
        if (task?.place !== SENT) continue
        task.takenBack(false)
        untouched.push(task)
      }
    }
    if (this.#channel.writable) for (const bytes of forgets) this.#channel.trySendBytes(bytes)
    this.#endWhenDone()
    return untouched
  }

  #readUnbegun(): Buffer | undefined {
    if (this.#workerEnd.closed) return undefined
    try {
      return this.#workerEnd.tryRecvBytes()
    } catch (error) {
      if (error instanceof EOFError) return undefined
      throw error
    }
  }

  /** Gives up on all its tasks: they are the caller's to settle. */
  takeAll(): Task[] {
    const tasks = this.tasks.splice(0)
    this.#owner.runTimes.watch(this)
    return tasks
  }

  /** No more tasks: it ends when it has done those that it has. */
  retire(): void {
    if (this.state === 'gone' || this.state === 'leaving') return
    this.state = 'leaving'
    this.retired = true
    this.#endWhenDone()
  }

  kill(): void {
    this.process.kill()
  }

  /** Ends the worker because of one task, which is taken out: whatever else it has is given back when it is gone. */
  stopFor(task: Task): void {
    this.#remove(task.id)
    this.#stopped = true
    if (this.state === 'ready') this.state = 'leaving'
    this.kill()
  }

  /** Milliseconds since it was ready. */
  get readyMs(): number {
    return Math.max(0, currentThread().nowMs() - this.#readyAtMs)
  }

  /** What a blocked caller waits for: an answer, or the end. */
  turns(call: string): Turn[] {
    if (this.state === 'gone') return []
    return [this.#channel[WAITABLE](call, WAITS_SYNC), this.process[WAITABLE](call, WAITS_SYNC)]
  }

  readReplies(): void {
    if (this.state === 'gone' || this.#isDraining) return
    if (this.#drain()) this.#owner.idle(this)
  }

  /** True if there was anything. */
  #drain(): boolean {
    // Code of the user's runs while answers are decoded; what it sets going finds the rest of them in order.
    this.#isDraining = true
    let answers = 0
    try {
      while (!this.#channel.closed && this.#answerNext()) {
        if (++answers % IDLE_EVERY === 0 && this.state !== 'gone') this.#owner.idle(this)
      }
    } finally {
      this.#isDraining = false
    }
    return answers > 0
  }

  #answerNext(): boolean {
    const own = scratchIsFree
    let message
    try {
      message = this.#channel.tryTakeBytes(own ? scratch : none)
    } catch (error) {
      if (error instanceof EOFError) return false
      throw error
    }
    if (message === undefined) return false
    const { bytes, length } = message
    const id = readWord(bytes, 0)
    const flags = readWord(bytes, 4)
    const microseconds = readWord(bytes, 8)
    scratchIsFree = false
    let value: unknown
    let isUndecodable = false
    try {
      value = decode(bytes, REPLY_HEADER_BYTES, length)
    } catch (error) {
      value = error
      isUndecodable = true
    } finally {
      scratchIsFree = own
    }
    this.#answer(id, flags, microseconds, value, isUndecodable)
    return true
  }

  #answer(id: number, flags: number, microseconds: number, value: unknown, isUndecodable: boolean): void {
    const status = flags & STATUS_MASK
    if (status === READY) {
      if (this.state === 'starting') this.state = 'ready'
      this.#readyAtMs = this.lastBusyMs = currentThread().nowMs()
      return
    }
    if (status === INIT_FAILED) return this.#owner.initFailed(isUndecodable ? value : unpackThrown(value as PackedThrown))
    if (status === LISTENS || status === REPORTED || status === YIELDED) return this.#goesOn(id, status, value, isUndecodable)
    if (status === NEEDS) return this.#sendAgain(id)
    if ((flags & OVERGROWN) !== 0) this.overgrown = true
    const task = this.#remove(id)
    this.tasksDone += 1
    this.#owner.answered(this, task, microseconds)
    if (task === undefined || task.place !== SENT) {
      // It was settled before: cancelled, or out of time.
    } else if (isUndecodable) task.fail(value)
    else if (status === RETURNED) task.succeed(value)
    else this.#threw(task, unpackThrown(value as PackedThrown, task.caller))
    this.#endWhenDone()
  }

  /** The worker read it just after what it names was taken back: both are sent again. */
  #sendAgain(id: number): void {
    const task = this.#remove(id)
    if (task === undefined) return
    for (const { key } of [...(task.definition?.needs ?? []), ...(task.needs ?? []), ...(task.definition ? [task.definition] : [])]) this.#defined.delete(key)
    if (task.place === SENT) {
      task.takenBack(false)
      this.#owner.returned(task)
    }
    this.#endWhenDone()
  }

  #goesOn(id: number, status: number, value: unknown, isUndecodable: boolean): void {
    const task = this.tasks.find((one) => one.id === id)
    if (task === undefined) return
    if (status === LISTENS) task.listens = true
    else if (isUndecodable) {
      this.cancel(task)
      task.fail(value)
    } else if (status === YIELDED) task.yielded(value)
    else this.#owner.reported(task, value)
  }

  #threw(task: Task, error: unknown): void {
    if (!this.#owner.takesBack(task, error, false)) task.fail(error)
  }

  #remove(id: number): Task | undefined {
    const { tasks } = this
    let task: Task | undefined
    if (tasks[0]?.id === id) task = tasks.shift()
    else {
      const at = tasks.findIndex((one) => one.id === id)
      if (at < 0) return undefined
      ;[task] = tasks.splice(at, 1)
    }
    this.#owner.runTimes.watch(this)
    return task
  }

  #endWhenDone(): void {
    // The worker reads the end of its channel, and exits.
    if (this.state === 'leaving' && this.tasks.length === 0 && !this.#stopped) this.#close()
  }

  /** Its process has ended. Does nothing the second time: a blocked caller may have seen it before the event came. */
  ended(): void {
    if (this.state === 'gone') return
    // First of all, so that nothing is sent to it by what its last answers set going.
    this.state = 'gone'
    if (!this.#channel.closed) this.#drain()
    const untouched = this.takeBack(Infinity)
    const begun = this.takeAll()
    this.#close()
    if (this.#stopped) {
      this.lostTasks = true
      for (const task of begun) {
        if (task.place !== SENT) continue
        task.takenBack(false)
        untouched.unshift(task)
      }
    } else {
      this.lostTasks = begun.length > 0
      for (const task of begun) {
        const error = this.#lost(task)
        if (task.place === SENT && !this.#owner.takesBack(task, error, true)) task.fail(error)
      }
    }
    this.#owner.gone(this, untouched)
  }

  #lost(task: Task): WorkerLostError {
    const { exitCode, signalCode, pid, name } = this.process
    const how = signalCode ? `was ended by ${signalCode}` : `exited with code ${exitCode}`
    return new WorkerLostError(`${name} (pid ${pid}) ${how} while it ran task ${task.id}; the task may have run in part. ${adviceFor(exitCode, signalCode)}`, {
      taskId: task.id, pid, processName: name, exitCode, signalCode,
    })
  }

  #close(): void {
    this.#stopListening()
    this.#channel.close()
    this.#workerEnd.close()
    this.#control.close()
    this.#controlEnd.close()
  }
}

function adviceFor(exitCode: number | null, signalCode: NodeJS.Signals | null): string {
  // Node ends by itself, with 0, when nothing is left that could settle a promise.
  if (exitCode === 0) return 'Either the task called process.exit(), or it awaited a promise that nothing could settle any more.'
  if (signalCode === 'SIGABRT') return 'Node aborts a process that is out of memory (see what it wrote to stderr): give it more with maxOldSpaceMb, or less work at a time.'
  if (signalCode === 'SIGKILL') return 'It was killed from outside: by the system when memory is short, or by somebody. Set `retry` for tasks that may run twice.'
  if (exitCode === 1) return 'An error that nobody caught ended it (its stack is on stderr), or, of a thread, its resourceLimits did: out of memory.'
  return 'Set `retry` for tasks that may run twice, or look at what the task does.'
}
