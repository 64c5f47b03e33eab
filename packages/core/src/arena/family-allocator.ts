import { currentThread } from '../parking/current-thread.ts'
import { Mutex } from '../parking/mutex.ts'
import { Allocator } from './allocator.ts'
import { arena } from './family.ts'
import { ALLOCATOR_MUTEX_OFFSET } from './layout.ts'

let own: Allocator | undefined

/** The allocator of this thread's family, as this thread uses it. Joins (or founds) the family at the first call. */
export function allocator(): Allocator {
  if (own !== undefined) return own
  const memory = arena()
  const thread = currentThread()
  return (own = new Allocator(thread, memory, new Mutex(thread, memory.head.words, ALLOCATOR_MUTEX_OFFSET >> 2)))
}
