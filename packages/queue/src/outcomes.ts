/** What a call on a queue says when it could not do its work. */
import { Empty, Full, ShutDown } from '@multiproc/core'
import type { SharedQueue } from './store/shared-queue.ts'

export function fullError(call: string, queue: SharedQueue): Full {
  const room = queue.store.maxSize > 0 ? queue.store.maxSize : 'no further bytes'
  return new Full(`${call} failed: the queue holds ${queue.store.size} items and has room for ${room}. Take items out, or wait longer.`)
}

export function emptyError(call: string): Empty {
  return new Empty(`${call} failed: no item came. Wait longer, or catch Empty.`)
}

export function shutDownError(call: string): ShutDown {
  return new ShutDown(`${call} failed: the queue was shut down${call.includes('put') ? '' : ' and is drained'}. Catch ShutDown, or use \`for await\`.`)
}
