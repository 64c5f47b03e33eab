import { AbortError, currentThread, deadlineAfter, decode, markRemote, MaybeEncodingError, startTimer, type WaitOptions } from '@multiproc/core'
import { exitError, type Exit } from './exit.ts'
import { CRASHED, RETURNED, THREW, UNSENDABLE } from './protocol.ts'
import type { StartedChild } from './start/method.ts'
import { childOf, type AnyProcess, type State } from './state.ts'

/** Waits for the end of the child, which keeps the event loop alive meanwhile even if it is a daemon. */
export function ended(process: AnyProcess, call: string, { timeout, signal }: WaitOptions): Promise<Exit | undefined> {
  const child = childOf(process, call)
  return new Promise((resolve, reject) => {
    const aborted = () => finish(() => reject(new AbortError(`${call} was aborted; the process runs on.`, { cause: signal?.reason })))
    let stopTimer = () => {}
    let stopWaiting = () => {}
    const finish = (settle: () => void) => {
      stopTimer()
      stopWaiting()
      signal?.removeEventListener('abort', aborted)
      child.unref()
      settle()
    }
    child.ref()
    if (signal?.aborted === true) return aborted()
    const exit = child.exit()
    if (exit !== undefined || timeout === 0) return finish(() => resolve(exit))
    signal?.addEventListener('abort', aborted, { once: true })
    stopTimer = startTimer(currentThread(), deadlineAfter(currentThread(), timeout), () => finish(() => resolve(child.exit())))
    stopWaiting = child.onExit((how) => finish(() => resolve(how)))
  })
}

/** What `result()` gives for a child that has ended so. */
export async function outcomeOf(state: State, exit: Exit, caller: Error): Promise<unknown> {
  const child = state.child as StartedChild
  const record = child.takeResult()
  if (record?.kind === RETURNED) return decode(record.body)
  const { signal } = state.settings
  if (record === undefined && signal?.aborted === true) throw new AbortError(`\`process.result()\` failed: the signal of ${state.name} was aborted.`, { cause: signal.reason })
  const cause = record === undefined ? undefined : decode(record.body)
  if (record !== undefined) markRemote(cause, { pid: child.pid, processName: state.name }, caller)
  if (record?.kind === THREW) throw cause
  if (record?.kind === UNSENDABLE) {
    throw new MaybeEncodingError(`\`process.result()\` failed: what ${state.name} returned cannot be sent: ${(cause as Error).message}`, { cause })
  }
  throw exitError(state.name, child.pid, exit, record?.kind === CRASHED ? cause : undefined)
}
