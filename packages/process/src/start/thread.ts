/**
 * The start method 'thread': the same child on a Worker of this process. It shares the pid, the memory limits and the fate
 * of the process, and nothing else: its modules are its own, and arguments are copies.
 *
 * The end of a thread   seen by                                        exit code
 *   by itself           ENDED, set by its 'exit' handlers; then        EXIT_CODE
 *   terminate(), kill()                                                -15, -9: what was asked for first, if not ENDED before
 *   any other (memory)                                                 Node's: 1
 *                       always: TASK is gone from /proc/self/task, or
 *                       the event 'exit' came
 *
 * Where TASK is not known (other systems than Linux) a thread counts as over once it has ENDED or was told to end.
 */
import { existsSync, readdirSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads'
import { atomics, currentThread, familyDescriptor, localWords, MultiprocError } from '@multiproc/core'
import { childEntryFor } from '../child-entry.ts'
import { exitOf, type Exit } from '../exit.ts'
import { ENDED, EXIT_CODE, TASK, THREAD_START, THREAD_WORDS, type ResultRecord, type ThreadStart } from '../protocol.ts'
import { internals, type ProcessSettings } from '../settings.ts'
import { EndingChild } from './ending-child.ts'
import type { EndingSignal, StartedChild, Starter } from './method.ts'
import { noProcess } from './node-child.ts'

/** A thread that was told to end, or that runs its last handlers, is gone after a few of these. */
const ENDING_LOOK_MS = 1
/** Of its other ends nobody tells a blocked thread. */
const LOOK_MS = 50
const onlyProcesses = ['cwd', 'execArgv', 'inspect', 'cpuProf', 'heapProf'] as const

export const thread: Starter = {
  check(settings) {
    const option = onlyProcesses.find((name) => settings[name] !== undefined && settings[name] !== false)
    if (option !== undefined) throw unsupported('`process.start()`', `the option ${option}`)
    const { stdio } = settings
    const descriptor = Array.isArray(stdio) ? stdio.find((one) => typeof one === 'number') : undefined
    if (descriptor !== undefined) throw unsupported('`process.start()`', `an inherited descriptor (${descriptor}) in the option stdio`)
  },

  start({ head, body, settings, place, over }) {
    const arena = familyDescriptor()
    const { port1, port2 } = new MessageChannel()
    try {
      const words = new Int32Array(new SharedArrayBuffer(4 * THREAD_WORDS))
      const start: ThreadStart = { head: { ...head, arenaLayout: arena.layout, orphan: 'pipe' }, body: Uint8Array.from(body.bytes), words, port: port2 }
      const before = tasks()
      const worker = launch(start, settings)
      const added = tasks().filter((task) => !before.includes(task))
      // Else some other thread began at the same time, and ours writes its number itself.
      if (added.length === 1) atomics.store(words, TASK, Number(added[0]))
      body.commit()
      place.started(process.pid)
      return new ThreadChild(worker, words, port1, over)
    } catch (error) {
      port1.close()
      throw error
    }
  },
}

function tasks(): readonly string[] {
  return process.platform === 'linux' ? readdirSync('/proc/self/task') : []
}

function launch(start: ThreadStart, settings: ProcessSettings): Worker {
  const { stdio = 'inherit', env, [internals]: special } = settings
  const [input, output, errors] = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio]
  const file = childEntryFor('`process.start()`')
  let worker: Worker
  try {
    worker = new Worker(file, {
      name: start.head.name,
      workerData: { [THREAD_START]: start },
      transferList: [start.body.buffer as ArrayBuffer, start.port],
      stdin: input === 'pipe',
      stdout: output !== 'inherit',
      stderr: errors !== 'inherit',
      ...(env && { env }),
      ...(special?.resourceLimits && { resourceLimits: special.resourceLimits }),
    })
  } catch (cause) {
    throw noProcess('no thread could be started', cause)
  }
  if (output === 'ignore') worker.stdout.resume()
  if (errors === 'ignore') worker.stderr.resume()
  return worker
}

function unsupported(call: string, what: string): MultiprocError {
  return new MultiprocError('ERR_MULTIPROC_UNSUPPORTED', `${call} failed: ${what} is not there with the start method 'thread'. Use 'spawn'.`)
}

class ThreadChild extends EndingChild implements StartedChild {
  readonly pid = process.pid
  readonly ident: string
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  readonly #worker: Worker
  readonly #words: Int32Array
  readonly #port: MessagePort
  #asked: 'SIGTERM' | 'SIGKILL' | undefined

  constructor(worker: Worker, words: Int32Array, port: MessagePort, settled: () => void) {
    super(worker, settled)
    this.ident = `${process.pid}:${worker.threadId}`
    this.stdin = worker.stdin
    this.stdout = 'stdout' in worker ? worker.stdout : null
    this.stderr = worker.stderr
    this.#worker = worker
    this.#words = words
    this.#port = port
    // It printed its error itself; without a listener this thread would end by it.
    worker.on('error', () => {})
    worker.once('exit', (code) => {
      this.settle(this.#exit(code))
      setImmediate(() => this.tell())
    })
  }

  get sentinelFd(): number {
    throw unsupported('`process.sentinel.fd`', 'a descriptor')
  }

  exit(): Exit | undefined {
    return this.isOver() ? this.ended : undefined
  }

  isOver(): boolean {
    if (this.ended === undefined && this.#isGone()) this.settle(this.#exit())
    return this.ended !== undefined
  }

  waitSync(deadlineMs: number): boolean {
    const own = currentThread()
    while (!this.isOver()) {
      const left = deadlineMs - own.nowMs()
      if (left <= 0) return false
      const expected = atomics.load(this.#words, ENDED)
      const lookMs = this.#isEnding() ? ENDING_LOOK_MS : LOOK_MS
      own.block((sliceMs) => localWords.sleep(this.#words, ENDED, expected, Math.min(left, sliceMs, lookMs)))
    }
    return true
  }

  signal(name: EndingSignal): void {
    if (name === 'SIGINT') throw unsupported('`process.interrupt()`', 'an interrupt')
    if (this.isOver()) return
    this.#asked ??= name
    void this.#worker.terminate()
  }

  killTree(): void {
    throw unsupported('`process.kill()`', 'the option tree')
  }

  close(): void {}

  protected override takeOver(): ResultRecord | undefined {
    const record = receiveMessageOnPort(this.#port)?.message as ResultRecord | undefined
    this.#port.close()
    return record
  }

  #isEnding(): boolean {
    // OBSERVE(P1): with ENDED comes the exit code.
    return this.#asked !== undefined || atomics.load(this.#words, ENDED) === 1
  }

  #isGone(): boolean {
    const task = atomics.load(this.#words, TASK)
    return task === 0 ? this.#isEnding() : !existsSync(`/proc/self/task/${task}`)
  }

  /** Node's own code is the truth where it is known, but for a thread told to end while it ran its last handlers. */
  #exit(code?: number): Exit {
    const asked = this.#asked
    if (atomics.load(this.#words, ENDED) === 1) return exitOf(asked === undefined && code !== undefined ? code : atomics.load(this.#words, EXIT_CODE), null)
    return exitOf(code ?? 1, asked ?? null)
  }
}
