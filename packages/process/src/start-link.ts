/**
 * How this thread was started by us, if it was: what it was given, and where it leaves its result. The evidence is looked
 * for in descriptors and `workerData`, never in argv: an executable that holds its program, or a wrapper, runs the program
 * again instead of our entry, and that one must know itself for a child too.
 */
import { closeSync, readlinkSync } from 'node:fs'
import { isMainThread, workerData } from 'node:worker_threads'
import { atomics, joinFamily, localWords } from '@multiproc/core'
import {
  ARENA_FD, ENDED, EXIT_CODE, PAYLOAD_FD, readBody, readHead, TASK, THREAD_START, writeResult,
  type ResultKind, type StartHead, type ThreadStart,
} from './protocol.ts'

export interface StartLink {
  readonly head: StartHead
  readonly inThread: boolean
  /** Once. */
  takeBody(): Uint8Array
  writeResult(kind: ResultKind, body: Uint8Array, withHandles: boolean): void
  /** To be called first of all by the entry. */
  begin(): void
}

export function findStart(): StartLink | undefined {
  if (isMainThread) return filesOfProcess()
  const start = (workerData as { [THREAD_START]?: ThreadStart } | null | undefined)?.[THREAD_START]
  return start === undefined ? undefined : messageOfThread(start)
}

/** For a spare too, once its payload has been written over. */
export function filesOfProcess(): StartLink | undefined {
  const head = readHead()
  if (head === undefined) return undefined
  joinFamily({ fd: ARENA_FD, layout: head.arenaLayout })
  return {
    head,
    inThread: false,
    takeBody() {
      const body = readBody()
      closeSync(PAYLOAD_FD)
      return body
    },
    writeResult,
    begin() {},
  }
}

function messageOfThread({ head, body, words, port }: ThreadStart): StartLink {
  return {
    head,
    inThread: true,
    takeBody: () => body,
    writeResult(kind, body, withHandles) {
      const copy = Uint8Array.from(body)
      port.postMessage({ kind, body: copy, withHandles }, [copy.buffer])
    },
    begin() {
      if (atomics.load(words, TASK) === 0) atomics.store(words, TASK, ownTask())
      process.on('exit', (code) => {
        atomics.store(words, EXIT_CODE, code)
        // PUBLISH(P1): the exit code is valid.
        atomics.store(words, ENDED, 1)
        localWords.wakeAll(words, ENDED)
      })
    },
  }
}

/** 0 where the system does not say. */
function ownTask(): number {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1))
  } catch {
    return 0
  }
}
