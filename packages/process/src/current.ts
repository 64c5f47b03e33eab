import { constants, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { AbortError, checkWaitOptions, deadlineAfter, startTimer, type WaitOptions } from '@multiproc/core'
import { Process } from './process.ts'
import { PARENT_FD } from './protocol.ts'
import { isThread, self } from './self.ts'
import { becomeCurrent } from './state.ts'

let current: Process | undefined

/**
 * The object of this very process: in a child the one whose `run()` is running, in the main process one named
 * 'MainProcess'. Only its creator can join or terminate it.
 *
 * @remarks Python: `multiprocessing.current_process()`.
 * @example console.log(currentProcess().name) // => 'MainProcess'
 */
export function currentProcess(): Process {
  if (current === undefined) setCurrent(Object.create(Process.prototype) as Process, {})
  return current as Process
}

/** For the child's entry. */
export function setCurrent(process: Process, settings: Parameters<typeof becomeCurrent>[1]): void {
  becomeCurrent(process, settings)
  current = process
}

/** The process that started this one. */
export interface ParentProcess {
  readonly name: string
  readonly pid: number
  readonly ident: number
  isAlive(): boolean
  /** Waits for its end; false when the time ran out. Keeps the event loop alive meanwhile. */
  join(options?: WaitOptions): Promise<boolean>
}

/**
 * The process that started this one; null in the main process.
 *
 * @remarks Python: `multiprocessing.parent_process()`.
 * @example if (!parentProcess()?.isAlive()) process.exit()
 */
export function parentProcess(): ParentProcess | null {
  const { parent } = self()
  if (parent === null) return null
  const { name, pid } = parent
  return { name, pid, ident: pid, isAlive: () => isAlive(pid), join: (options) => joinParent(pid, options) }
}

/** The parent's pipe ended, which comes a moment before the kernel gives its children to another process. */
let sawEnd = false

function isAlive(parent: number): boolean {
  // A thread ends with its process, and with the thread that started it.
  return isThread() || (!sawEnd && process.ppid === parent)
}

function joinParent(pid: number, options: WaitOptions | undefined): Promise<boolean> {
  const { timeout, signal } = checkWaitOptions('`parentProcess().join()`', options)
  return new Promise((resolve, reject) => {
    const aborted = () => finish(() => reject(new AbortError('`parentProcess().join()` was aborted.', { cause: signal?.reason })))
    if (signal?.aborted === true) return aborted()
    if (!isAlive(pid)) return resolve(true)
    if (timeout === 0) return resolve(false)
    // Opened again, because closing the inherited descriptor would close it for everybody in this process.
    const life = isThread() ? undefined : new Socket({ fd: openSync(`/dev/fd/${PARENT_FD}`, constants.O_RDONLY | constants.O_NONBLOCK), readable: true, writable: false })
    const clock = { nowMs: () => performance.now() }
    let stopTimer = () => {}
    function finish(settle: () => void): void {
      stopTimer()
      clearInterval(idle)
      life?.destroy()
      signal?.removeEventListener('abort', aborted)
      settle()
    }
    stopTimer = startTimer(clock, deadlineAfter(clock, timeout), () => finish(() => resolve(false)))
    signal?.addEventListener('abort', aborted, { once: true })
    const idle = life === undefined ? setInterval(() => {}, 2 ** 30) : undefined
    life?.on('error', () => {}).once('end', () => {
      sawEnd = true
      finish(() => resolve(true))
    })
    life?.resume()
  })
}
