import { isMainThread } from 'node:worker_threads'
import { currentThread } from '@multiproc/core'
import type { StartedChild } from './start/method.ts'

/** How long daemons may take to end when their parent ends. */
const GRACE_MS = 1000

const living = new Set<StartedChild>()

/**
 * At the normal end of this process its daemons get SIGTERM and are waited for, so that none is left when it is gone.
 * Other ends (`kill -9`) each daemon notices by itself: child/orphan.ts. So do those started by a worker thread, whose end
 * is not that of the process. Returns what takes a child out of this again.
 */
export function endAtExit(child: StartedChild): () => void {
  if (!isMainThread) return () => {}
  if (living.size === 0) process.on('exit', endAll)
  living.add(child)
  const forget = () => {
    if (living.delete(child) && living.size === 0) process.off('exit', endAll)
  }
  child.onExit(forget)
  return forget
}

function endAll(): void {
  const left = [...living].filter((child) => !child.isOver())
  for (const child of left) child.signal('SIGTERM')
  const deadline = currentThread().nowMs() + GRACE_MS
  for (const child of left) {
    if (!child.waitSync(deadline)) child.signal('SIGKILL')
  }
}
