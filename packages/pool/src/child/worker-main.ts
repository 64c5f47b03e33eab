import { performance } from 'node:perf_hooks'
import { decode, encode, EOFError, MaybeEncodingError, packThrown } from '@multiproc/core'
import { currentProcess } from '@multiproc/process'
import type { Channel, Encoded } from '@multiproc/core'
import {
  CALL, DEFINE, FORGET, frame, INIT_FAILED, NO_TASK, READY, REQUEST_HEADER_BYTES, RETURNED, STARMAP, THREW,
} from '../protocol.ts'
import type { ReplyStatus, Request, TaskRequest } from '../protocol.ts'

export interface Initializer {
  readonly initializer: Function | undefined
  readonly initArgs: readonly unknown[]
}

/** What a worker process runs: one task after the other, until nobody can send any more. */
export async function workerMain(channel: Channel, { initializer, initArgs }: Initializer): Promise<void> {
  const worker = new Worker(channel)
  try {
    if (!(await worker.prepare(initializer, initArgs))) return
    for (;;) await worker.perform(await channel.recvBytes())
  } catch (error) {
    if (!(error instanceof EOFError)) throw error
  }
  // Timers and sockets that tasks left behind must not keep a closed pool's worker alive; exit hooks run.
  process.exit()
}

class Worker {
  readonly #channel: Channel
  readonly #functions = new Map<number, Function>()
  /** Why a function that was sent cannot be used here: told to each task that names it. */
  readonly #broken = new Map<number, unknown>()

  constructor(channel: Channel) {
    this.#channel = channel
  }

  async prepare(initializer: Function | undefined, initArgs: readonly unknown[]): Promise<boolean> {
    try {
      await initializer?.(...initArgs)
    } catch (error) {
      await this.reply(NO_TASK, INIT_FAILED, 0, error)
      return false
    }
    await this.reply(NO_TASK, READY, 0, undefined)
    return true
  }

  async perform(message: Buffer): Promise<void> {
    const id = message.readInt32LE(0)
    let request: Request
    try {
      request = decode(message, REQUEST_HEADER_BYTES) as Request
    } catch (error) {
      if (id > 0) return this.reply(id, THREW, 0, error)
      this.#broken.set(-id, error)
      return
    }
    if (request.kind === DEFINE) {
      this.#broken.delete(request.key)
      this.#functions.set(request.key, request.fn)
    } else if (request.kind === FORGET) {
      this.#broken.delete(request.key)
      this.#functions.delete(request.key)
    } else {
      await this.#run(id, request)
    }
  }

  async #run(id: number, { kind, fn: named, args }: TaskRequest): Promise<void> {
    const begun = performance.now()
    let status: ReplyStatus = RETURNED
    let value: unknown
    try {
      const fn = typeof named === 'number' ? this.#defined(named) : named
      value = kind === CALL ? fn(...args) : await runChunk(fn, args, kind === STARMAP)
      // Only what is thenable pays for a turn of the microtask queue.
      if (typeof (value as { then?: unknown } | null | undefined)?.then === 'function') value = await value
    } catch (error) {
      status = THREW
      value = error
    }
    await this.reply(id, status, performance.now() - begun, value)
  }

  #defined(key: number): Function {
    if (this.#broken.has(key)) throw this.#broken.get(key)
    return this.#functions.get(key) as Function
  }

  async reply(id: number, status: ReplyStatus, milliseconds: number, value: unknown): Promise<void> {
    let told = status
    let encoded: Encoded
    try {
      encoded = status === RETURNED ? encode(value, 'result') : this.#encodeThrown(id, value)
    } catch (cause) {
      told = THREW
      encoded = this.#encodeThrown(id, unsendable(cause))
    }
    const microseconds = Math.min(2 ** 31 - 1, Math.ceil(milliseconds * 1000))
    try {
      await this.#send(frame([id, told, microseconds], encoded))
      encoded.commit()
    } catch (cause) {
      encoded.abort()
      if (cause instanceof EOFError) throw cause
      // No memory for a result that large: an error has room.
      await this.#send(frame([id, THREW, microseconds], this.#encodeThrown(id, cause)))
    }
  }

  async #send(bytes: Buffer): Promise<void> {
    if (!this.#channel.trySendBytes(bytes)) await this.#channel.sendBytes(bytes)
  }

  /** Never fails: what cannot be sent of an error is left out. */
  #encodeThrown(task: number, thrown: unknown): Encoded {
    return encode(packThrown(thrown, { pid: process.pid, processName: currentProcess().name, task }))
  }
}

async function runChunk(fn: Function, items: readonly unknown[], spread: boolean): Promise<unknown[]> {
  const results: unknown[] = []
  for (const item of items) {
    const result: unknown = spread ? fn(...(item as unknown[])) : fn(item)
    results.push(typeof (result as { then?: unknown } | null | undefined)?.then === 'function' ? await result : result)
  }
  return results
}

function unsendable(cause: unknown): MaybeEncodingError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new MaybeEncodingError(`the task returned a value that cannot be sent back: ${reason} Return something that can be sent.`, { cause })
}
