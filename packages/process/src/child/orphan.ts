import { Worker } from 'node:worker_threads'
import { os } from '@multiproc/core'
import { PARENT_FD, type StartHead } from '../protocol.ts'

const SIGKILL = 9

/**
 * Makes this daemon end with its parent process, whatever ends that. The kernel's own notice (PR_SET_PDEATHSIG) comes at
 * the end of the *thread* that started us, so it is used only if that was the main thread; otherwise a helper thread waits
 * for the end of the parent's pipe: it must be a thread, because our event loop may be busy or blocked for long.
 */
export function endWithParent(head: StartHead): void {
  if (dieWithStarter(head)) return
  const watcher = new Worker(watch, { eval: true, workerData: PARENT_FD, execArgv: [], env: {} })
  watcher.unref()
}

/** False if the kernel gives no such notice here, or of the wrong end. */
export function dieWithStarter({ orphan, parent }: StartHead): boolean {
  if (orphan !== 'signal' || !os().dieWithParent(SIGKILL)) return false
  // The parent may have ended before the call above.
  if (process.ppid !== parent.pid) process.kill(process.pid, 'SIGKILL')
  return true
}

const watch = `
  const { Socket } = require('node:net')
  const life = new Socket({ fd: require('node:worker_threads').workerData, readable: true, writable: false })
  life.on('error', () => {}).once('close', () => process.kill(process.pid, 'SIGKILL')).resume()
`
