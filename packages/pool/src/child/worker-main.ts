import { performance } from 'node:perf_hooks'
import { decode, encode, EOFError, MaybeEncodingError, packThrown } from '@multiproc/core'
import { currentProcess } from '@multiproc/process'
import type { Channel, Encoded } from '@multiproc/core'
import {
  CALL, DEFINE, FORGET, frame, INIT_FAILED, NO_TASK, NOT_DECODED, READY, REQUEST_HEADER_BYTES, RETURNED, STARMAP, THREW,
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
      return this.reply(id, NOT_DECODED, 0, error)
    }
    if (request.kind === DEFINE) this.#functions.set(request.key, request.fn)
    else if (request.kind === FORGET) this.#functions.delete(request.key)
    else await this.#run(id, request)
  }

  async #run(id: number, { kind, fn: named, args }: TaskRequest): Promise<void> {
    const begun = performance.now()
    let status: ReplyStatus = RETURNED
    let value: unknown
    try {
      const fn = typeof named === 'number' ? (this.#functions.get(named) as Function) : named
      value = kind === CALL ? fn(...args) : await runChunk(fn, args, kind === STARMAP)
      // Only what is thenable pays for a turn of the microtask queue.
      if (typeof (value as { then?: unknown } | null | undefined)?.then === 'function') value = await value
    } catch (error) {
      status = THREW
      value = error
    }
    await this.reply(id, status, performance.now() - begun, value)
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
    const bytes = frame([id, told, Math.min(2 ** 31 - 1, Math.ceil(milliseconds * 1000))], encoded)
    if (!this.#channel.trySendBytes(bytes)) await this.#channel.sendBytes(bytes)
    encoded.commit()
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
