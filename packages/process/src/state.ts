/**
 * What a Process is, kept outside the object: the own fields of an instance are the user's, and travel as a copy.
 *
 * Phase       set by                              legal next
 *   made      new Process(); a start() that threw   starting, closed
 *   starting  start(), while it encodes: user code  started, made
 *   started   start(); whether it has ended is the kernel's to say: `child.exit()`
 *                                                 closed (once it has ended)
 *   closed    close()                             –
 *   current   becomeCurrent(): this very process  –
 */
import { EventEmitter } from 'node:events'
import { argumentType, closedError, ProcessError } from '@multiproc/core'
import type { Process } from './process.ts'
import { self } from './self.ts'
import type { AnySettings } from './settings.ts'
import type { StartedChild } from './start/method.ts'

/** An own property of classes whose instances have nothing of their own to send: they go as what `Process` itself is. */
export const PLAIN = Symbol.for('multiproc.process.plain')

export type AnyProcess = Process<any, any>

export interface State {
  phase: 'made' | 'starting' | 'started' | 'closed' | 'current'
  /** Without target and arguments once they were sent. */
  settings: AnySettings
  readonly identity: readonly number[]
  name: string
  daemon: boolean
  authKey: Uint8Array
  child?: StartedChild
  /** What `result()` gives, once it was looked at. */
  outcome?: Promise<unknown>
}

export const states = new WeakMap<AnyProcess, State>()

/** The state of an object that was not closed. */
export function stateOf(process: AnyProcess, call: string): State {
  const state = states.get(process)
  if (state === undefined) throw argumentType(`${call}: this`, 'a Process', process)
  if (state.phase === 'closed') throw closedError(call)
  return state
}

export function madeState(process: AnyProcess, call: string): State {
  const state = stateOf(process, call)
  if (state.phase !== 'made') throw alreadyStarted(`${call} failed`, process, 'Set it before start().')
  return state
}

export function childOf(process: AnyProcess, call: string): StartedChild {
  const { phase, child } = stateOf(process, call)
  if (phase === 'current') {
    throw new ProcessError('ERR_MULTIPROC_NOT_CHILD', `${call} failed: ${process.name} is the current process, not a child of it. Only its creator may do this.`)
  }
  if (child === undefined) throw new ProcessError('ERR_MULTIPROC_NOT_STARTED', `${call} failed: ${process.name} was not started. Call start() first.`)
  return child
}

export function alreadyStarted(what: string, process: AnyProcess, next: string): ProcessError {
  return new ProcessError('ERR_MULTIPROC_ALREADY_STARTED', `${what}: ${process.name} (pid ${process.pid}) was started already. ${next}`)
}

/** Makes `process` (made without its constructor) the object that stands for this very process. Called once in a thread. */
export function becomeCurrent(process: AnyProcess, settings: AnySettings): void {
  EventEmitter.call(process as never)
  const { name, identity, daemon, authKey } = self()
  states.set(process, { phase: 'current', settings, name, identity, daemon, authKey })
}
