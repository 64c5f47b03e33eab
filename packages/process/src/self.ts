/**
 * What this process is: the main one, or a child and whose. Decided by evidence at first use, by whichever code asks
 * first: a module preloaded with `--import` runs in the child before our entry does, and must not take itself for a main
 * process and start children.
 *
 * One record per process: other copies of this package, and code in the vm context of a test runner, find it on an object
 * of Node's own; worker threads find it in their environment data, unless the thread is itself a child.
 */
import { getEnvironmentData, isMainThread, setEnvironmentData, Worker } from 'node:worker_threads'
import { atomics, maxProcesses } from '@multiproc/core'
import { maxDepthFrom } from './depth.ts'
import type { StartMethod } from './protocol.ts'
import { findStart, type StartLink } from './start-link.ts'

export interface Self {
  readonly name: string
  readonly identity: readonly number[]
  readonly daemon: boolean
  readonly mayHaveChildren: boolean
  /** 0: the main process. */
  readonly depth: number
  readonly maxDepth: number
  readonly maxProcesses: number
  readonly authKey: Uint8Array
  readonly parent: { readonly pid: number; readonly name: string } | null
  /** Shared by the threads of the process: see the constants below. */
  readonly words: Int32Array
  /** What `setStartMethod` chose in the parent. */
  readonly startMethod: StartMethod | null
  /** Undefined in a main process, and in threads that this library did not start. */
  readonly start?: StartLink
}

/** 1 while the modules of the payload are loaded: nothing may be started. */
const LOADING = 0
/** Children made so far, for their names. */
const CHILD_COUNT = 1

const key = 'multiproc.process.self.v1'
const here = Symbol.for(key)
const carrier = Worker as unknown as { [here]?: Self }

export function self(): Self {
  return (carrier[here] ??= findOut())
}

/** Whether this thread is itself a child: by the start method 'thread'. */
export function isThread(): boolean {
  return self().start?.inThread === true
}

export function isLoading(): boolean {
  return self().words[LOADING] === 1
}

export function endLoading(): void {
  atomics.store(self().words, LOADING, 0)
}

export function nextChildNumber(): number {
  return atomics.add(self().words, CHILD_COUNT, 1) + 1
}

/** Python's `authkey` of the current process can be set, and is what its later children inherit. */
export function setAuthKey(authKey: Uint8Array): void {
  const changed = { ...self(), authKey }
  carrier[here] = changed
  share(changed)
}

/** A spare is told what it is only when it is needed. */
export function become(start: StartLink): void {
  carrier[here] = childSelf(start)
  share(self())
}

function findOut(): Self {
  const start = findStart()
  if (start === undefined && !isMainThread) {
    const shared = getEnvironmentData(key) as unknown as Self | undefined
    if (shared !== undefined) return shared
  }
  const found = start === undefined ? mainSelf() : childSelf(start)
  share(found)
  return found
}

function share({ start: _, ...rest }: Self): void {
  setEnvironmentData(key, rest as never)
}

function mainSelf(): Self {
  return {
    name: 'MainProcess',
    identity: [],
    daemon: false,
    mayHaveChildren: true,
    depth: 0,
    maxDepth: maxDepthFrom(process.env),
    maxProcesses: maxProcesses(),
    authKey: crypto.getRandomValues(new Uint8Array(32)),
    parent: null,
    startMethod: null,
    words: new Int32Array(new SharedArrayBuffer(8)),
  }
}

function childSelf(start: StartLink): Self {
  const words = new Int32Array(new SharedArrayBuffer(8))
  words[LOADING] = 1
  const { name, identity, daemon, mayHaveChildren, depth, maxDepth, maxProcesses, parent, startMethod, authKey } = start.head
  return { name, identity, daemon, mayHaveChildren, depth, maxDepth, maxProcesses, parent, startMethod, words, start, authKey: new Uint8Array(Buffer.from(authKey, 'base64')) }
}
