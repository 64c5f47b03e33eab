import { AsyncResource } from 'node:async_hooks'
import { argumentType, encode, Full, MultiprocError, TimeoutError } from '@multiproc/core'
import type { Encoded } from '@multiproc/core'
import { belongsTo, fulfil, makeAsyncResult, refuse } from './async-result.ts'
import type { AsyncResult } from './async-result.ts'
import { submitChannel } from './channels.ts'
import { chunkBounds } from './chunk.ts'
import { constantsIn } from './constant.ts'
import type { Definition, Definitions } from './definitions.ts'
import type { Dispatcher } from './dispatcher.ts'
import { Group, settledOf } from './group.ts'
import { ResultStream } from './iterate.ts'
import type { ResultIterator } from './iterate.ts'
import type { CallbackOptions, ImapOptions, MapOptions, PoolSettings, StreamOptions, TaskOptions } from './options.ts'
import { CALL, EACH, EXPORT, keepRecord, MAP, STREAM } from './protocol.ts'
import type { Outcomes, TaskKind } from './protocol.ts'
import { ValueStream } from './stream.ts'
import { cancelled, Task } from './task.ts'
import type { Outcome } from './task.ts'

/** With so many tasks under way the errors of further ones are not traced back to the line that submitted them. */
const TRACED_TASKS = 64
/** For a task of a burst: its error's trace ends in the worker. */
const UNTRACED = { stack: '' } as Error
const STREAM_CHUNKS_PER_WORKER = 16
const noOptions: TaskOptions = {}

/** What the tasks of one call share. */
export interface Call {
  /** The public function at whose caller the trace of an error ends. */
  readonly entry: Function
  readonly name: string
  readonly kind: TaskKind
  readonly fn: Function | undefined
  readonly definition: Definition | undefined
  readonly options: TaskOptions
}

/** Makes tasks of calls: encodes them, and gives them to the dispatcher. */
export class Submitter {
  readonly #dispatcher: Dispatcher
  readonly #definitions: Definitions
  readonly #settings: PoolSettings
  #lastTaskId = 0

  constructor(dispatcher: Dispatcher, definitions: Definitions, settings: PoolSettings) {
    this.#dispatcher = dispatcher
    this.#definitions = definitions
    this.#settings = settings
  }

  apply(name: string, entry: Function, fn: Function, given: readonly unknown[], { callback, errorCallback, ...options }: TaskOptions & CallbackOptions<never> = noOptions): AsyncResult<unknown> {
    this.#check(name, fn)
    const args = argumentsOf(name, given, options)
    return this.#admit(name, 1, () => {
      const call: Call = { entry, name, kind: CALL, fn, definition: this.#definitions.forTask(fn), options }
      const result = this.#submitSingle(call, args, telling(callback as ((value: unknown) => void) | undefined), telling(errorCallback))
      if (errorCallback) result.catch(() => {})
      return result
    })
  }

  /** For `module()`: the function is known by where it is. */
  applyExport(name: string, entry: Function, url: string, fn: string, args: readonly unknown[]): AsyncResult<unknown> {
    this.#checkOpen(name)
    const call: Call = { entry, name, kind: EXPORT, fn: undefined, definition: undefined, options: noOptions }
    return this.#admit(name, 1, () => this.#submitSingle(call, [url, fn, args]))
  }

  /** One task for each worker. */
  broadcast(name: string, entry: Function, fn: Function, given: readonly unknown[], options: TaskOptions = noOptions): Promise<unknown[]> {
    this.#check(name, fn)
    const args = argumentsOf(name, given, options)
    const seats = [...this.#dispatcher.crew.seats.keys()].filter((seat) => this.#dispatcher.crew.seats[seat] !== undefined)
    return this.#admit(name, seats.length, () => {
      const call: Call = { entry, name, kind: CALL, fn, definition: this.#definitions.forTask(fn), options }
      return Promise.all(seats.map((seat) => this.#submitSingle(call, args, undefined, undefined, seat)))
    })
  }

  map(name: string, entry: Function, kind: TaskKind, fn: Function, items: unknown, options: MapOptions = noOptions): AsyncResult<unknown[]> {
    this.#check(name, fn)
    const call: Call = { entry, name, kind, fn, definition: undefined, options }
    if (isIterable(items)) return this.#holding(() => this.#inChunks(call, [...items], options))
    if (!isAsyncIterable(items)) throw argumentType(`${name}: items`, 'an iterable', items)
    const definition = this.#definitions.forMap(fn)
    const release = this.#dispatcher.hold()
    const input = new AbortController()
    const result: AsyncResult<unknown[]> = makeAsyncResult<unknown[]>({
      cancel: () => {
        refuse(result, cancelled(name))
        input.abort()
        return true
      },
    })
    this.#mapAll({ ...call, definition }, items, options, input.signal, result).catch((error: unknown) => refuse(result, error)).finally(release)
    return result
  }

  async #mapAll(call: Call & { definition: Definition }, items: AsyncIterable<unknown>, options: MapOptions, stop: AbortSignal, result: AsyncResult<unknown[]>): Promise<void> {
    const all: unknown[] = []
    try {
      for await (const item of items) {
        if (stop.aborted) break
        all.push(item)
      }
    } catch (error) {
      this.#dispatcher.forget(call.definition)
      throw error
    }
    if (stop.aborted) return this.#dispatcher.forget(call.definition)
    const chunks = this.#inChunks(call, all, options)
    belongsTo(result, chunks)
    fulfil(result, await chunks)
  }

  #inChunks(given: Call, items: readonly unknown[], options: MapOptions): AsyncResult<unknown[]> {
    const { chunkSize, settled = false, failFast = true, onProgress } = options
    const bounds = chunkBounds(items.length, this.#settings.processes, chunkSize)
    const chunks = bounds.length - 1
    this.#checkRoom(given.name, chunks)
    const definition = given.definition ?? this.#definitions.forMap(given.fn as Function)
    const call: Call = { ...given, definition, kind: given.kind | (settled ? EACH : 0) }
    const tell = telling(onProgress)
    const { signal } = options
    const dispatcher = this.#dispatcher
    const abort = (): void => void dispatcher.cancel(group.tasks, cancelled(given.name, signal))
    const group = new Group({
      size: items.length, isSettled: settled, isFailFast: failFast, onProgress: tell && ((done) => tell(done, items.length)),
      withdraw: (tasks, reason) => dispatcher.withdraw(tasks, reason),
      cancel: (tasks) => dispatcher.cancel(tasks, cancelled(given.name)),
      over: () => {
        signal?.removeEventListener('abort', abort)
        dispatcher.forget(definition)
      },
    }, chunks)
    try {
      for (let n = 0; n < chunks; n++) {
        const start = bounds[n] as number
        group.tasks.push(this.#task(call, items.slice(start, bounds[n + 1]), group, (bounds[n + 1] as number) - start, start))
      }
    } catch (error) {
      for (const task of group.tasks) task.dropped()
      definition.dropped()
      throw error
    }
    if (chunks === 0) dispatcher.forget(definition)
    // What was encoded may have called the user's code, which may have ended the pool: then each is refused by the dispatcher.
    for (const task of group.tasks) this.#submit(task, undefined)
    if (signal?.aborted) abort()
    else if (chunks > 0) signal?.addEventListener('abort', abort, { once: true })
    return group.result
  }

  imap(name: string, entry: Function, fn: Function, items: unknown, options: ImapOptions = noOptions, isOrdered: boolean): ResultIterator<unknown> {
    this.#check(name, fn)
    if (!isIterable(items) && !isAsyncIterable(items)) throw argumentType(`${name}: items`, 'an iterable', items)
    const { chunkSize, settled = false, onProgress, signal } = options
    const { processes } = this.#settings
    const { bufferSize = (chunkSize ?? 1) * processes * STREAM_CHUNKS_PER_WORKER } = options
    const definition = this.#definitions.forMap(fn)
    // Alone, because chunks that nobody asked for must not let one item's error spoil its neighbours.
    const isEach = settled || chunkSize === undefined
    const call: Call = { entry, name, kind: MAP | (isEach ? EACH : 0), fn, definition, options }
    const dispatcher = this.#dispatcher
    const release = dispatcher.hold()
    let input: Iterator<unknown> | AsyncIterator<unknown>
    try {
      input = isAsyncIterable(items) ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
    } catch (error) {
      definition.dropped()
      release()
      throw error
    }
    return new ResultStream(
      {
        submit: (chunk, index, outcome) => this.#submit(this.#task(call, chunk, outcome, chunk.length, index), signal),
        unpack: (value, task) => (isEach ? settledOf(value as Outcomes, task) : (value as unknown[]).map((one) => ({ status: 'fulfilled', value: one }))),
        withdraw: (tasks) => dispatcher.withdraw(tasks, cancelled(name)),
        readAll: release,
        over: () => dispatcher.forget(definition),
      },
      input,
      { call: name, chunkSize, bufferSize, isOrdered, isSettled: settled, workers: processes, onProgress: telling(onProgress) },
    )
  }

  stream(name: string, entry: Function, fn: Function, given: readonly unknown[], options: StreamOptions = noOptions): ValueStream {
    this.#check(name, fn)
    const args = argumentsOf(name, given, options)
    const { bufferSize = 16, signal } = options
    const dispatcher = this.#dispatcher
    return this.#admit(name, 1, () => {
      const values = new ValueStream(
        { credit: (task, count) => task.slot?.credit(task, count), cancel: (task) => void dispatcher.cancel([task], cancelled(name)) },
        bufferSize,
      )
      const call: Call = { entry, name, kind: STREAM, fn, definition: this.#definitions.forTask(fn), options }
      values.task = this.#task(call, [bufferSize, args], values, 1, 0)
      this.#submit(values.task, signal)
      return values
    })
  }

  #submitSingle(call: Call, args: readonly unknown[], tell?: (value: unknown) => void, tellError?: (error: unknown) => void, seat?: number): AsyncResult<unknown> {
    const result = makeAsyncResult<unknown>(undefined)
    const task = this.#task(call, args, new Single(result, tell, tellError), 1, 0, seat)
    belongsTo(result, task)
    this.#submit(task, call.options.signal)
    return result
  }

  /** Encodes a task. Code of the user's runs here: getters, reducers. */
  #task(call: Call, args: readonly unknown[], outcome: Outcome, items: number, index: number, seat?: number): Task {
    const { entry, name, kind, fn, definition, options } = call
    const id = ++this.#lastTaskId
    const isWhole = definition === undefined && kind !== EXPORT
    const { encoded, needs } = constantsIn(this.#definitions, () => (isWhole ? encode({ fn, args }, '') : encode(args, 'args')))
    let caller = UNTRACED
    if (this.#dispatcher.outstanding < TRACED_TASKS) Error.captureStackTrace((caller = {} as Error), entry)
    return new Task({
      owner: this.#dispatcher, name, id, fn, definition, needs, options, retry: kind === STREAM ? undefined : (options.retry ?? this.#settings.retry),
      record: keepRecord([id, kind, definition?.key ?? 0, 1], encoded), encoded: encoded.hasHandles ? (encoded as Encoded) : undefined,
      caller, outcome, items, index, seat,
    })
  }

  #submit(task: Task, signal: AbortSignal | undefined): Task {
    const { queueTimeout } = task.options
    if (queueTimeout !== undefined || signal !== undefined) this.#limit(task, queueTimeout, signal)
    if (submitChannel.hasSubscribers) submitChannel.publish({ pool: this.#settings.name, id: task.id, call: task.name, items: task.items })
    this.#dispatcher.submit(task)
    if (signal?.aborted) this.#dispatcher.cancel([task], cancelled(task.name, signal))
    return task
  }

  #limit(task: Task, queueTimeout: number | undefined, signal: AbortSignal | undefined): void {
    const dispatcher = this.#dispatcher
    const abort = (): void => void dispatcher.cancel([task], cancelled(task.name, signal))
    const deadline = queueTimeout === undefined ? undefined : dispatcher.deadlines.add(queueTimeout, () => {
      dispatcher.withdraw([task], new TimeoutError(`${task.name} failed: no worker had begun task ${task.id} after its queueTimeout of ${queueTimeout} ms. It never ran; raise queueTimeout, or submit less at a time.`))
    })
    signal?.addEventListener('abort', abort, { once: true })
    task.release = () => {
      dispatcher.deadlines.cancel(deadline)
      signal?.removeEventListener('abort', abort)
    }
  }

  #check(call: string, fn: unknown): void {
    this.#checkOpen(call)
    if (typeof fn !== 'function') throw argumentType(`${call}: fn`, 'a function', fn)
  }

  #checkOpen(call: string): void {
    if (!this.#dispatcher.isOpen) throw new MultiprocError('ERR_MULTIPROC_CLOSED', `${call} failed: the pool was closed. Submit tasks before close(), or make a new pool.`)
  }

  #admit<T>(call: string, tasks: number, submit: () => T): T {
    this.#checkRoom(call, tasks)
    return this.#holding(submit)
  }

  /** Code of the user's runs while `submit` encodes tasks, and may close the pool: its workers stay until the tasks are theirs. */
  #holding<T>(submit: () => T): T {
    const release = this.#dispatcher.hold()
    try {
      return submit()
    } finally {
      release()
    }
  }

  #checkRoom(call: string, tasks: number): void {
    const { maxQueue } = this.#settings
    if (maxQueue === Infinity) return
    const { waiting } = this.#dispatcher
    if (waiting + tasks > maxQueue) throw new Full(`${call} failed: ${waiting} tasks wait, and maxQueue is ${maxQueue}. Await some results first, or use imap(), which reads its input no faster than the workers work.`)
  }
}

/** The outcome of one task is its result. */
class Single implements Outcome {
  readonly #result: AsyncResult<unknown>
  readonly #tell: ((value: unknown) => void) | undefined
  readonly #tellError: ((error: unknown) => void) | undefined

  constructor(result: AsyncResult<unknown>, tell: ((value: unknown) => void) | undefined, tellError: ((error: unknown) => void) | undefined) {
    this.#result = result
    this.#tell = tell
    this.#tellError = tellError
  }

  fulfilled(value: unknown): void {
    fulfil(this.#result, value)
    this.#tell?.(value)
  }

  refused(error: unknown): void {
    refuse(this.#result, error)
    this.#tellError?.(error)
  }
}

/** The user's callback: in the caller's async context, and in a turn of its own, since it may do anything to the pool. */
function telling<A extends unknown[]>(tell: ((...args: A) => void) | undefined): ((...args: A) => void) | undefined {
  if (tell === undefined) return undefined
  const bound = AsyncResource.bind(tell)
  return (...args) => queueMicrotask(() => bound(...args))
}

function argumentsOf(call: string, args: readonly unknown[], { kwargs }: TaskOptions): readonly unknown[] {
  if (!Array.isArray(args)) throw argumentType(`${call}: args`, 'an array: one element for each argument of the function', args)
  return kwargs === undefined ? args : [...(args as unknown[]), kwargs]
}

export function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof (value as Iterable<unknown> | null | undefined)?.[Symbol.iterator] === 'function'
}

export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof (value as AsyncIterable<unknown> | null | undefined)?.[Symbol.asyncIterator] === 'function'
}
