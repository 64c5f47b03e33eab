import { Channel, currentThread, decode, EOFError, unpackThrown, WorkerLostError } from '@multiproc/core'
import type { PackedThrown } from '@multiproc/core'
import { internals, Process } from '@multiproc/process'
import { workerMain } from './child/worker-main.ts'
import type { Definition } from './definitions.ts'
import { INIT_FAILED, NO_TASK, READY, REPLY_HEADER_BYTES, RETURNED } from './protocol.ts'
import type { Task } from './task.ts'

export interface WorkerSettings {
  readonly name: string
  readonly initializer: Function | undefined
  readonly initArgs: readonly unknown[]
  readonly env: NodeJS.ProcessEnv | undefined
  readonly execArgv: readonly string[] | undefined
}

export interface WorkerOwner {
  /** The worker is ready, or has answered: there is room for tasks. `microseconds`: how long the task ran. */
  idle(slot: WorkerSlot, microseconds?: number): void
  initFailed(error: unknown): void
  /** It has run for as long as it may. */
  ranTooLong(task: Task): void
  /** The attempt has failed: true when there is another one, and the owner has the task again. */
  takesBack(task: Task, error: unknown, isCrash: boolean): boolean
  /** The worker is gone. `untouched` are tasks that it had not begun; those that it ran are rejected already. */
  gone(slot: WorkerSlot, untouched: Task[]): void
}

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
  state: 'starting' | 'ready' | 'leaving' | 'gone' = 'starting'
  /** Sent and not answered, oldest first. */
  readonly tasks: Task[] = []
  tasksDone = 0
  /** It died under a task. */
  lostTasks = false
  /** It ends because it was told to. */
  retired = false
  readonly #owner: WorkerOwner
  readonly #channel: Channel
  /** The worker's end, also held here: to take back what a dead worker has not read. */
  readonly #workerEnd: Channel
  readonly #defined = new Set<number>()
  readonly #stopListening: () => void
  /** Killed for one of its tasks: the others are innocent. */
  #stopped = false
  #readyAtMs = Infinity
  #timedTask: Task | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(owner: WorkerOwner, settings: WorkerSettings) {
    this.#owner = owner
    ;[this.#channel, this.#workerEnd] = Channel.pair()
    this.process = new Process({
      target: workerMain,
      args: [this.#workerEnd, { initializer: settings.initializer, initArgs: settings.initArgs }],
      name: settings.name,
      daemon: true,
      ...(settings.env && { env: settings.env }),
      ...(settings.execArgv && { execArgv: settings.execArgv }),
      [internals]: { mayHaveChildren: true, ignoreSigint: true, title: settings.name },
    })
    this.#stopListening = this.#channel.listen(() => this.readReplies())
    this.process.on('exit', () => this.#ended())
    try {
      this.process.start()
    } catch (error) {
      this.#close()
      throw error
    }
  }

  /** False when its channel is full: it calls `idle` when it has answered. */
  trySend(task: Task): boolean {
    const { definition } = task
    if (definition && !this.#defined.has(definition.key)) {
      if (!this.#channel.trySendBytes(definition.bytes)) return false
      this.#defined.add(definition.key)
      definition.encoded.commit()
    }
    if (!this.#channel.trySendBytes(task.bytes)) return false
    this.tasks.push(task)
    task.sent()
    this.#watchRunTime()
    return true
  }

  /** Lets go of a function. Losing this in a full channel costs memory in the worker, nothing else. */
  forget(definition: Definition): void {
    if (this.#channel.writable && this.#defined.delete(definition.key)) this.#channel.trySendBytes(definition.forgetBytes())
  }

  /** Takes back up to `most` of the tasks that the worker has not begun, oldest first. */
  takeBack(most: number): Task[] {
    const untouched: Task[] = []
    const forgets: Buffer[] = []
    let orphaned = false
    // Behind a definition that was taken back lie tasks that need it: they must not reach the worker without it.
    while (untouched.length < most || orphaned) {
      const bytes = this.#readUnbegun()
      if (bytes === undefined) break
      const id = bytes.readInt32LE(0)
      if (id === NO_TASK) {
        forgets.push(bytes)
      } else if (id < NO_TASK) {
        orphaned = true
        this.#defined.delete(-id)
      } else {
        const task = this.#remove(id)
        if (task) untouched.push(task)
      }
    }
    if (this.#channel.writable) for (const bytes of forgets) this.#channel.trySendBytes(bytes)
    this.#endWhenDone()
    return untouched
  }

  /** Gives up on all its tasks: they are the caller's to settle. */
  takeAll(): Task[] {
    const tasks = this.tasks.splice(0)
    this.#watchRunTime()
    return tasks
  }

  #readUnbegun(): Buffer | undefined {
    try {
      return this.#workerEnd.tryRecvBytes()
    } catch (error) {
      if (error instanceof EOFError) return undefined
      throw error
    }
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

  readReplies(): void {
    if (this.state === 'gone') return
    this.#drain()
  }

  #drain(): void {
    for (;;) {
      let bytes: Buffer | undefined
      try {
        bytes = this.#channel.tryRecvBytes()
      } catch (error) {
        if (error instanceof EOFError) return
        throw error
      }
      if (bytes === undefined) return
      this.#answer(bytes)
    }
  }

  #answer(bytes: Buffer): void {
    const id = bytes.readInt32LE(0)
    const status = bytes.readInt32LE(4)
    const microseconds = bytes.readInt32LE(8)
    let value: unknown
    let isUndecodable = false
    try {
      value = decode(bytes, REPLY_HEADER_BYTES)
    } catch (error) {
      value = error
      isUndecodable = true
    }
    if (status === READY) {
      if (this.state === 'starting') this.state = 'ready'
      this.#readyAtMs = currentThread().nowMs()
      return this.#owner.idle(this)
    }
    if (status === INIT_FAILED) return this.#owner.initFailed(isUndecodable ? value : unpackThrown(value as PackedThrown))
    const task = this.#remove(id)
    this.tasksDone += 1
    if (isUndecodable) task?.reject(value)
    else if (status === RETURNED) task?.resolve(value)
    else if (task) this.#threw(task, unpackThrown(value as PackedThrown, task.caller))
    this.#endWhenDone()
    this.#owner.idle(this, microseconds)
  }

  #threw(task: Task, error: unknown): void {
    if (!this.#owner.takesBack(task, error, false)) task.reject(error)
  }

  #remove(id: number): Task | undefined {
    const at = this.tasks[0]?.id === id ? 0 : this.tasks.findIndex((task) => task.id === id)
    if (at < 0) return undefined
    const [task] = this.tasks.splice(at, 1)
    this.#watchRunTime()
    return task
  }

  /** The oldest task is the one that runs, and only its time counts. */
  #watchRunTime(): void {
    const task = this.tasks[0]
    if (task === this.#timedTask || (task?.runTimeoutMs === undefined && this.#timedTask === undefined)) return
    clearTimeout(this.#timer)
    this.#timedTask = task?.runTimeoutMs === undefined ? undefined : task
    if (task?.runTimeoutMs !== undefined) this.#timer = setTimeout(() => this.#owner.ranTooLong(task), task.runTimeoutMs)
  }

  #endWhenDone(): void {
    // The worker reads the end of its channel, and exits.
    if (this.state === 'leaving' && this.tasks.length === 0 && !this.#stopped) this.#close()
  }

  #ended(): void {
    // First of all, so that nothing is sent to it by what its last answers set going.
    this.state = 'gone'
    if (!this.#channel.closed) this.#drain()
    const untouched = this.#workerEnd.closed ? [] : this.takeBack(Infinity)
    const begun = this.tasks.splice(0)
    this.#watchRunTime()
    this.#close()
    if (this.#stopped) {
      untouched.unshift(...begun)
    } else {
      this.lostTasks = begun.length > 0
      for (const task of begun) {
        const error = this.#lost(task)
        if (!this.#owner.takesBack(task, error, true)) task.fail(error)
      }
    }
    this.#owner.gone(this, untouched)
  }

  #lost(task: Task): WorkerLostError {
    const { exitCode, signalCode, pid, name } = this.process
    const how = signalCode ? `was ended by ${signalCode}` : `exited with code ${exitCode}`
    // Node ends by itself, with 0, when nothing is left that could settle a promise.
    const advice = exitCode === 0 ? 'Either the task called process.exit(), or it awaited a promise that nothing could settle any more.' : 'Set `retry` for tasks that may run twice, or look at what the task does.'
    return new WorkerLostError(`${name} (pid ${pid}) ${how} while it ran task ${task.id}; the task may have run in part. ${advice}`, {
      taskId: task.id, pid, processName: name, exitCode, signalCode,
    })
  }

  #close(): void {
    this.#stopListening()
    this.#channel.close()
    this.#workerEnd.close()
  }
}
