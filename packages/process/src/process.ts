import { EventEmitter } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { inspect } from 'node:util'
import { threadId } from 'node:worker_threads'
import {
  AbortError,
  argumentType,
  checkOptions,
  checkSyncWaitOptions,
  checkWaitOptions,
  currentThread,
  deadlineAfter,
  discard,
  TimeoutError,
  WAITABLE,
  type SyncWaitOptions,
  type Turn,
  type Waitable,
  type WaitKind,
  type WaitOptions,
} from '@multiproc/core'
import { forgetChild, getStartMethod, rememberChild } from './context.ts'
import { endAtExit } from './daemons.ts'
import { tellExit, tellStart } from './events.ts'
import { ExitTurn } from './exit-turn.ts'
import { launch } from './launch.ts'
import { checkMayStart } from './may-start.ts'
import { ended, outcomeOf } from './outcome.ts'
import { isThread, nextChildNumber, self, setAuthKey } from './self.ts'
import { checkDaemon, checkName, checkSettings, type AnySettings, type ProcessSettings } from './settings.ts'
import type { StartedChild } from './start/method.ts'
import { methods } from './start/methods.ts'
import { alreadyStarted, childOf, madeState, PLAIN, stateOf, states, type AnyProcess } from './state.ts'

type AllButLast<A extends unknown[]> = A extends [...infer Head, unknown?] ? Head : never
type Last<A extends unknown[]> = Required<A> extends [...unknown[], infer L] ? L : never

/** What `wait()` can wait for. */
export interface Sentinel extends Waitable {
  /** A pidfd, readable once the process has ended; -1 if it had ended before anybody asked. Belongs to the Process. */
  readonly fd: number
}

/**
 * A function, or the `run()` of a subclass, in a process of its own.
 *
 * @param options.target - what the child runs: any function, from any file; it may be async. It is sent by reference if a
 *   module exports it, else with the variables it captures, as copies.
 * @param options.args - its arguments, sent as copies; handles (queues, locks, pipe ends) stay connected.
 * @param options.kwargs - an object, passed as one more, last argument.
 * @throws TypeError or RangeError for a wrong option, before anything happens.
 * @remarks Python: `multiprocessing.Process(target=, args=, kwargs=, name=, daemon=)`.
 * @example
 * const child = new Process({ target: (n: number) => n * 2, args: [21] })
 * await child.start().result() // => 42
 */
export class Process<R = unknown, A extends unknown[] | [] = any[]> extends EventEmitter<{ exit: [exitCode: number, signalCode: NodeJS.Signals | null] }> implements Waitable {
  constructor(options?: ProcessSettings & { target?: (...args: A) => R; kwargs?: undefined } & ([] extends A ? { args?: A } : { args: A }))
  constructor(
    options: ProcessSettings & { target: (...args: A) => R; kwargs: Last<A> } & ([] extends AllButLast<A> ? { args?: AllButLast<A> } : { args: AllButLast<A> }),
  )
  constructor(options: AnySettings = {}) {
    super()
    checkSettings(options)
    const { parent: _, ...here } = self()
    const identity = [...here.identity, nextChildNumber()]
    states.set(this, {
      phase: 'made',
      settings: options,
      identity,
      name: options.name ?? `Process-${identity.join(':')}`,
      daemon: options.daemon ?? here.daemon,
      authKey: here.authKey,
    })
  }

  /** For messages and logs; need not be unique. Can be set before the start. */
  get name(): string {
    return stateOf(this, '`process.name`').name
  }
  set name(name: string) {
    checkName(name)
    madeState(this, '`process.name =`').name = name
  }

  /**
   * A daemon ends with its parent, whatever ends that (`kill -9` included), and may start no processes. Inherited; can be
   * set before the start. Python: `Process.daemon`.
   */
  get daemon(): boolean {
    return stateOf(this, '`process.daemon`').daemon
  }
  set daemon(daemon: boolean) {
    checkDaemon(daemon)
    madeState(this, '`process.daemon =`').daemon = daemon
  }

  /** The secret of this program's processes, inherited from the parent; 32 random bytes in the main process. Python: `Process.authkey`. */
  get authKey(): Uint8Array {
    return stateOf(this, '`process.authKey`').authKey
  }
  set authKey(key: Uint8Array) {
    if (!(key instanceof Uint8Array)) throw argumentType('`process.authKey`', 'a Uint8Array', key)
    const state = stateOf(this, '`process.authKey =`')
    state.authKey = key
    if (state.phase === 'current') setAuthKey(key)
  }

  /** The process id; undefined before the start. */
  get pid(): number | undefined {
    const state = stateOf(this, '`process.pid`')
    return state.phase === 'current' ? process.pid : state.child?.pid
  }

  /** The same as `pid`; of a thread `pid:threadId`. */
  get ident(): number | string | undefined {
    const state = stateOf(this, '`process.ident`')
    return state.phase === 'current' ? ownIdent() : state.child?.ident
  }

  /** null: not started, or running. -N: ended by signal N. Asked of the kernel, so it is true while the event loop is blocked. */
  get exitCode(): number | null {
    return stateOf(this, '`process.exitCode`').child?.exit()?.exitCode ?? null
  }

  /** The signal that ended it, if one did. */
  get signalCode(): NodeJS.Signals | null {
    return stateOf(this, '`process.signalCode`').child?.exit()?.signalCode ?? null
  }

  /** For `wait()`: becomes ready when the process ends. @throws ERR_MULTIPROC_NOT_STARTED before the start. */
  get sentinel(): Sentinel {
    const child = childOf(this, '`process.sentinel`')
    return {
      get fd() {
        return child.sentinelFd
      },
      [WAITABLE]: (_call, kind) => new ExitTurn(child, kind),
    }
  }

  /** @internal For `wait()`: ready when it has ended. */
  [WAITABLE](call: string, kind: WaitKind): Turn {
    return new ExitTurn(childOf(this, call), kind)
  }

  /** The child's standard input, if `stdio` makes it a pipe; else null. */
  get stdin(): Writable | null {
    return stateOf(this, '`process.stdin`').child?.stdin ?? null
  }
  /** The child's standard output, if `stdio` makes it a pipe; else null. Read it, or a child that writes much will wait. */
  get stdout(): Readable | null {
    return stateOf(this, '`process.stdout`').child?.stdout ?? null
  }
  /** The child's standard error, if `stdio` makes it a pipe; else null. */
  get stderr(): Readable | null {
    return stateOf(this, '`process.stderr`').child?.stderr ?? null
  }

  /**
   * What the child runs. Calls `target` here; a subclass overrides it, and finds its own fields in the child as copies.
   *
   * @throws ERR_MULTIPROC_ALREADY_STARTED once it was started: target and arguments were sent, and are not kept here.
   * @remarks Python: `Process.run()`.
   */
  run(): R | PromiseLike<R> {
    const { phase, settings } = stateOf(this, '`process.run()`')
    if (phase === 'started') throw alreadyStarted('`process.run()` failed', this, 'Its target was sent to the child; call the function itself.')
    const { target, args = [], kwargs } = settings
    return target?.(...(kwargs === undefined ? args : [...args, kwargs])) as R
  }

  /**
   * Starts the child and returns at once: `pid` is there, its modules are not yet loaded.
   *
   * @throws ERR_MULTIPROC_NOT_SENDABLE, naming the path (`args[0].onDone`), before anything is started;
   *   ERR_MULTIPROC_ALREADY_STARTED; ERR_MULTIPROC_DAEMON_CHILD in a daemon; ERR_MULTIPROC_BOOTSTRAP while this process still
   *   loads its own modules; ERR_MULTIPROC_DEPTH; ERR_MULTIPROC_PROCESS_LIMIT; ERR_MULTIPROC_SPAWN; ERR_MULTIPROC_UNSUPPORTED
   *   for an option that a thread cannot have; AbortError.
   * @remarks Unless it is a daemon, the child keeps this process alive until it ends. Python: `Process.start()`.
   */
  start(): this {
    const state = stateOf(this, '`process.start()`')
    if (state.phase !== 'made') throw alreadyStarted('`process.start()` failed', this, 'Make a new Process for each start.')
    const { settings } = state
    const method = settings.method ?? getStartMethod()
    const starter = methods[method]
    starter.check(settings)
    if (settings.signal?.aborted === true) throw new AbortError('`process.start()` was aborted: nothing was started.', { cause: settings.signal.reason })
    checkMayStart()
    // Getters and reducers run while it is encoded, and may come here again.
    state.phase = 'starting'
    try {
      state.child = launch(this, state, starter, isPlain(this))
      state.phase = 'started'
      // What the child got may be large, and is the caller's to keep or to drop.
      state.settings = { ...settings, target: undefined, args: undefined, kwargs: undefined }
    } finally {
      if (state.phase === 'starting') state.phase = 'made'
    }
    const { child } = state
    rememberChild(this)
    forgotten.register(this, child)
    if (state.daemon) endAtExit(child)
    else child.ref()
    const abort = () => child.signal('SIGTERM')
    settings.signal?.addEventListener('abort', abort, { once: true })
    const event = { process: this, name: state.name, pid: child.pid, method }
    child.onExit((exit) => {
      settings.signal?.removeEventListener('abort', abort)
      forgetChild(this)
      tellExit(event, exit)
      this.emit('exit', exit.exitCode, exit.signalCode)
    })
    tellStart(event)
    return this
  }

  /**
   * Waits until the child has ended.
   *
   * @param options.timeout - milliseconds; 0 looks once; default waits for ever.
   * @param options.signal - aborting ends the wait, not the child.
   * @returns true: it has ended; false: the time ran out.
   * @throws ERR_MULTIPROC_NOT_STARTED; ERR_MULTIPROC_NOT_CHILD for the current process; AbortError.
   * @remarks Any number of times, before and after the end. Keeps the event loop alive meanwhile. Python: `Process.join(timeout)`, seconds there.
   * @example await child.join({ timeout: 5000 }) || child.kill()
   */
  async join(options?: WaitOptions): Promise<boolean> {
    return (await ended(this, '`process.join()`', checkWaitOptions('`process.join()`', options))) !== undefined
  }

  /**
   * The same, blocking this thread: no timer, signal handler or promise runs meanwhile. A child whose piped output nobody
   * reads may never end.
   */
  joinSync(options?: SyncWaitOptions): boolean {
    const { timeout } = checkSyncWaitOptions('`process.joinSync()`', options)
    return childOf(this, '`process.joinSync()`').waitSync(deadlineAfter(currentThread(), timeout))
  }

  /**
   * Waits for what `target` (or `run()`) returned, a promise's value included. Can be called any number of times.
   *
   * @returns a copy of it; handles in it stay connected.
   * @throws what the child threw, rebuilt, with `cause`, its stack joined to this one's; MaybeEncodingError if the value
   *   cannot be sent; ProcessExitError if the child ended without returning (`process.exit()`, a signal, an error elsewhere);
   *   TimeoutError after `timeout`; AbortError after an abort of `options.signal`, or of the one given to the constructor.
   * @remarks Resolves when the child has ended, not when it has returned. Python has no counterpart: a queue is used there.
   */
  async result(options?: WaitOptions): Promise<Awaited<R>> {
    const call = '`process.result()`'
    const caller = new Error()
    const checked = checkWaitOptions(call, options)
    const exit = await ended(this, call, checked)
    if (exit === undefined) throw new TimeoutError(`${call} failed: ${this.name} has not ended within ${checked.timeout} ms. It runs on; wait again or call terminate().`)
    const state = stateOf(this, call)
    return (await (state.outcome ??= outcomeOf(state, exit, caller))) as Awaited<R>
  }

  /** Whether it was started and has not ended, asked of the kernel. Python: `Process.is_alive()`. */
  isAlive(): boolean {
    const { phase, child } = stateOf(this, '`process.isAlive()`')
    return phase === 'current' || (child !== undefined && !child.isOver())
  }

  /**
   * Sends SIGTERM: ends the child unless it handles that signal. Its own children go on; locks it holds are freed as
   * `abandoned`. Does nothing once it has ended. Python: `Process.terminate()`.
   */
  terminate(): void {
    childOf(this, '`process.terminate()`').signal('SIGTERM')
  }

  /**
   * Sends SIGKILL, which cannot be handled.
   * @param options.tree - also kills all processes below it (Linux).
   */
  kill(options?: { tree?: boolean }): void {
    checkOptions('`process.kill()`', options, ['tree'])
    const child = childOf(this, '`process.kill()`')
    if (options?.tree === true) child.killTree()
    child.signal('SIGKILL')
  }

  /** Sends SIGINT, as Ctrl-C does: exit code -2 unless the child handles it. Python 3.14: `Process.interrupt()`. */
  interrupt(): void {
    childOf(this, '`process.interrupt()`').signal('SIGINT')
  }

  /**
   * Frees what is held for a child that has ended; every other member throws ERR_MULTIPROC_CLOSED from then on. Closing
   * twice is harmless.
   * @throws ERR_MULTIPROC_ALREADY_STARTED while it runs: join or terminate it first. Python: `Process.close()`.
   */
  close(): void {
    const state = states.get(this)
    if (state === undefined || state.phase === 'closed') return
    if (state.phase === 'starting' || this.isAlive()) throw alreadyStarted('`process.close()` failed', this, 'Join or terminate it first.')
    if (state.child !== undefined) dropResult(state.child)
    state.child?.close()
    state.phase = 'closed'
  }

  /** Terminates the child if it still runs, then waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    const state = states.get(this)
    if (state?.phase !== 'started') return
    if (this.isAlive()) this.terminate()
    await this.join()
  }

  [inspect.custom](): string {
    const state = states.get(this)
    if (state === undefined) return '<Process>'
    const exit = state.child?.exit()
    const running = state.phase === 'current' || state.phase === 'started' ? 'started' : state.phase
    const status = exit === undefined ? running : `ended exitCode=${exit.exitCode}`
    const pid = state.phase === 'current' ? process.pid : state.child?.pid
    return `<${this.constructor.name} ${inspect(state.name)}${pid === undefined ? '' : ` pid=${pid}`} ${status}${state.daemon ? ' daemon' : ''}>`
  }
}

Object.defineProperty(Process.prototype, Symbol.for('multiproc.unsendable'), {
  value: 'A Process belongs to its creator. Send its pid, or what it computes.',
})

/** What a result nobody read holds open is let go. */
function dropResult(child: StartedChild): void {
  const record = child.takeResult()
  if (record?.withHandles === true) discard(record.body)
}

const forgotten = new FinalizationRegistry<StartedChild>(dropResult)

function ownIdent(): number | string {
  return isThread() ? `${process.pid}:${threadId}` : process.pid
}

/** Outside the class: a bundler gives a class that names itself another name. */
function isPlain(process: AnyProcess): boolean {
  return process.constructor === Process || Object.hasOwn(process.constructor, PLAIN)
}
