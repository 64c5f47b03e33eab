import { performance } from 'node:perf_hooks'
import {
  carriesFunctions, decode, encode, EOFError, MaybeEncodingError, nextTurn, packThrown, preloadFunctions, turnIsDue,
} from '@multiproc/core'
import { currentProcess } from '@multiproc/process'
import type { Channel, Encoded, RemoteInfo } from '@multiproc/core'
import {
  ATTEMPT_AT, CALL, CANCEL, DEFINE, EACH, EXPORT, INIT_FAILED, LISTENS, NEEDS, NO_TASK, OVERGROWN, READY, readWord, REPORTED, RETURNED, shortRecord, STARMAP, STATUS_MASK, STREAM,
  TASK_HEADER_BYTES, THREW, YIELDED,
} from '../protocol.ts'
import type { Control, WholeRequest } from '../protocol.ts'
import { inContext, RunningTask, setRunning } from './current-task.ts'
import type { TaskReporter } from './current-task.ts'
import { define, defineBroken, defined, forget, takeMissing } from './defined.ts'
import { isThenable, iteratorOf, runChunk, runEach } from './run.ts'

export interface WorkerPlan {
  readonly initializer: Function | undefined
  readonly initArgs: readonly unknown[]
  /** Tasks in progress at once. */
  readonly concurrency: number
  /** Bytes of memory from which on it asks to be replaced. */
  readonly memoryLimit: number
}

/** How often the size of the process is asked for, at most: it costs about as much as a few tiny tasks. */
const SIZE_EVERY_MS = 50
const scratch = Buffer.allocUnsafeSlow(64 * 1024)

/** What a worker process runs: one task after the other, until nobody can send any more. */
export async function workerMain(channel: Channel, control: Channel, plan: WorkerPlan): Promise<void> {
  const worker = new Worker(channel, control, plan)
  try {
    if (!(await worker.prepare())) return
    await worker.serve()
  } catch (error) {
    if (!(error instanceof EOFError)) throw error
  }
  // Timers and sockets that tasks left behind must not keep a closed pool's worker alive; exit hooks run.
  process.exit()
}

interface Received {
  readonly bytes: Uint8Array
  readonly length: number
}

class Worker implements TaskReporter {
  readonly #channel: Channel
  readonly #control: Channel
  readonly #plan: WorkerPlan
  readonly #origin: RemoteInfo
  /** Those that may be told something while they run. */
  readonly #told = new Map<number, RunningTask>()
  #listensToControl = false
  #running = 0
  #roomCame: (() => void) | undefined
  #sizedMs = 0

  constructor(channel: Channel, control: Channel, plan: WorkerPlan) {
    this.#channel = channel
    this.#control = control
    this.#plan = plan
    this.#origin = { pid: process.pid, processName: currentProcess().name }
  }

  async prepare(): Promise<boolean> {
    const { initializer, initArgs } = this.#plan
    try {
      await initializer?.(...initArgs)
    } catch (error) {
      await this.#replyThrown(NO_TASK, INIT_FAILED, 0, error)
      return false
    }
    await this.#reply(NO_TASK, READY, 0, undefined)
    return true
  }

  async serve(): Promise<never> {
    const { concurrency } = this.#plan
    for (;;) {
      const message = this.#channel.tryTakeBytes(scratch) ?? whole(await this.#channel.recvBytes())
      const isTask = readWord(message.bytes, 0) > 0
      const going = isTask ? this.#perform(message) : this.#prepareFor(message)
      if (going !== undefined) {
        // What tasks name by key is there before they begin.
        if (concurrency === 1 || !isTask) await going
        else await this.#beside(going)
      }
      // What the task left in the queue of promises comes before the next task; timers and sockets now and then.
      if (turnIsDue()) await nextTurn()
      else await undefined
    }
  }

  listens(task: RunningTask): void {
    this.#told.set(task.id, task)
    this.#listenToControl()
    void this.#reply(task.id, LISTENS, 0, undefined)
  }

  report(id: number, value: unknown): Promise<void> {
    const encoded = encode(value, 'report')
    return this.#send(id, REPORTED, 0, encoded)
  }

  /** Lets the next task begin before this one has ended, as long as there is room. */
  async #beside(going: Promise<void>): Promise<void> {
    this.#running += 1
    void going.finally(() => {
      this.#running -= 1
      this.#roomCame?.()
    })
    while (this.#running >= this.#plan.concurrency) await new Promise<void>((resolve) => (this.#roomCame = resolve))
  }

  #perform({ bytes, length }: Received): Promise<void> | undefined {
    return carriesFunctions(bytes, TASK_HEADER_BYTES) ? this.#beginLoaded(copyOf(bytes, length)) : this.#begin(bytes, length)
  }

  /** Gets, or lets go of, what tasks name by key. */
  #prepareFor({ bytes, length }: Received): Promise<void> | undefined {
    const key = readWord(bytes, 8)
    if (readWord(bytes, 4) !== DEFINE) forget(key)
    else if (carriesFunctions(bytes, TASK_HEADER_BYTES)) return this.#defineLoaded(key, copyOf(bytes, length))
    else this.#define(key, bytes, length)
    return undefined
  }

  #define(key: number, bytes: Uint8Array, length: number): void {
    try {
      define(key, decode(bytes, TASK_HEADER_BYTES, length))
    } catch (error) {
      // Without what it names itself it is missing, too, and comes again with it.
      if (takeMissing()) forget(key)
      else defineBroken(key, error)
    }
  }

  async #defineLoaded(key: number, bytes: Uint8Array): Promise<void> {
    await preload(bytes)
    this.#define(key, bytes, bytes.length)
  }

  async #beginLoaded(bytes: Uint8Array): Promise<void> {
    await preload(bytes)
    await this.#begin(bytes, bytes.length)
  }

  /** Runs a task: to its end, or, if there is a promise to wait for, as far as there is none. */
  #begin(bytes: Uint8Array, length: number): Promise<void> | undefined {
    const id = readWord(bytes, 0)
    const kind = readWord(bytes, 4)
    const key = readWord(bytes, 8)
    const task = new RunningTask(id, readWord(bytes, ATTEMPT_AT), this)
    const begunMs = performance.now()
    let fn: Function
    let args: readonly unknown[]
    try {
      args = decode(bytes, TASK_HEADER_BYTES, length) as readonly unknown[]
      if (key !== 0 || kind === EXPORT) fn = key === 0 ? callExport : (defined(key) as Function)
      else ({ fn, args } = args as unknown as WholeRequest)
    } catch (error) {
      return takeMissing() ? this.#reply(id, NEEDS, 0, undefined) : this.#ended(task, THREW, begunMs, error)
    }
    let value: unknown
    try {
      if (this.#plan.concurrency > 1) value = inContext(task, () => this.#call(task, kind, fn, args))
      else {
        setRunning(task)
        value = this.#call(task, kind, fn, args)
      }
      if (isThenable(value)) return this.#settle(task, value, begunMs)
    } catch (error) {
      return this.#ended(task, THREW, begunMs, error)
    }
    return this.#ended(task, RETURNED, begunMs, value)
  }

  #call(task: RunningTask, kind: number, fn: Function, args: readonly unknown[]): unknown {
    if (kind === CALL || kind === EXPORT) return fn(...args)
    if (kind === STREAM) return this.#stream(task, fn, args)
    const spread = (kind & ~EACH) === STARMAP
    return (kind & EACH) === 0 ? runChunk(fn, args, spread) : runEach(fn, args, spread, { ...this.#origin, task: task.id })
  }

  async #settle(task: RunningTask, going: PromiseLike<unknown>, begunMs: number): Promise<void> {
    let value: unknown
    try {
      value = await going
    } catch (error) {
      return this.#ended(task, THREW, begunMs, error)
    }
    return this.#ended(task, RETURNED, begunMs, value)
  }

  #ended(task: RunningTask, status: number, begunMs: number, value: unknown): Promise<void> | undefined {
    task.ended()
    setRunning(undefined)
    if (this.#told.size > 0) this.#told.delete(task.id)
    const nowMs = performance.now()
    const microseconds = Math.min(2 ** 31 - 1, Math.ceil((nowMs - begunMs) * 1000))
    const grown = this.#isOvergrown(nowMs) ? OVERGROWN : 0
    return status === RETURNED ? this.#reply(task.id, RETURNED | grown, microseconds, value) : this.#replyThrown(task.id, THREW | grown, microseconds, value)
  }

  async #stream(task: RunningTask, fn: Function, [credit, args]: readonly unknown[]): Promise<unknown> {
    task.credit = credit as number
    const { signal } = task
    const iterator = await iteratorOf(fn(...(args as unknown[])))
    try {
      for (;;) {
        if (signal.aborted) return undefined
        const { done, value } = await iterator.next()
        if (done) return value
        await this.#send(task.id, YIELDED, 0, encodeResult(await value))
        task.credit -= 1
        while (task.credit === 0 && !signal.aborted) await new Promise<void>((resolve) => (task.onCredit = resolve))
      }
    } finally {
      await iterator.return?.()
    }
  }

  #listenToControl(): void {
    if (this.#listensToControl) return
    this.#listensToControl = true
    this.#control.listen(() => {
      for (let told = this.#nextControl(); told !== undefined; told = this.#nextControl()) {
        const task = this.#told.get(told[1])
        if (told[0] === CANCEL) task?.cancel()
        else if (task !== undefined) {
          task.credit += told[2]
          task.onCredit?.()
        }
      }
    })
  }

  #nextControl(): Control | undefined {
    try {
      return this.#control.tryRecv()?.value as Control | undefined
    } catch (error) {
      // The pool is gone, and this process with it.
      if (error instanceof EOFError) return undefined
      throw error
    }
  }

  #isOvergrown(nowMs: number): boolean {
    const { memoryLimit } = this.#plan
    if (memoryLimit === Infinity || nowMs - this.#sizedMs < SIZE_EVERY_MS) return false
    this.#sizedMs = nowMs
    return process.memoryUsage.rss() > memoryLimit
  }

  #reply(id: number, status: number, microseconds: number, value: unknown): Promise<void> | undefined {
    let encoded: Encoded
    try {
      encoded = encodeResult(value)
    } catch (error) {
      return this.#replyThrown(id, (status & OVERGROWN) | THREW, microseconds, error)
    }
    // The usual case needs no promise.
    const { bytes, length } = shortRecord([id, status, microseconds], encoded)
    if (!encoded.hasHandles && length < 4096 && this.#channel.trySendBytes(bytes, 0, length)) return undefined
    return this.#send(id, status, microseconds, encoded)
  }

  /** Never fails: what cannot be sent of an error is left out. */
  #replyThrown(id: number, status: number, microseconds: number, thrown: unknown): Promise<void> {
    return this.#send(id, status, microseconds, encode(packThrown(thrown, { ...this.#origin, task: id })))
  }

  async #send(id: number, status: number, microseconds: number, encoded: Encoded): Promise<void> {
    const { bytes, length } = shortRecord([id, status, microseconds], encoded)
    try {
      if (!this.#channel.trySendBytes(bytes, 0, length)) await this.#channel.sendBytes(bytes.subarray(0, length))
      encoded.commit()
    } catch (cause) {
      encoded.abort()
      if (cause instanceof EOFError) throw cause
      // No memory for a result that large: an error has room.
      if ((status & STATUS_MASK) === RETURNED) return this.#replyThrown(id, THREW, microseconds, cause)
      throw cause
    }
  }
}

/** `slice` of a Buffer would be a view, of bytes that the next message is written to. */
function copyOf(bytes: Uint8Array, length: number): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes, 0, length)
}

function whole(bytes: Buffer): Received {
  return { bytes, length: bytes.length }
}

/** What cannot be loaded says so when it is decoded. */
async function preload(bytes: Uint8Array): Promise<void> {
  await preloadFunctions(bytes.subarray(TASK_HEADER_BYTES)).catch(() => {})
}

async function callExport(url: string, name: string, args: readonly unknown[]): Promise<unknown> {
  const namespace = (await import(url)) as { readonly [name: string]: unknown }
  const fn = namespace[name]
  if (typeof fn !== 'function') throw new TypeError(`${url} exports no function ${JSON.stringify(name)}; it has ${Object.keys(namespace).join(', ') || 'none'}.`)
  return (fn as Function)(...args)
}

function encodeResult(value: unknown): Encoded {
  try {
    return encode(value, 'result')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MaybeEncodingError(`the task returned a value that cannot be sent back: ${reason} Return something that can be sent.`, { cause })
  }
}
