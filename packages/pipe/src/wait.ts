import {
  abortError, AnyTurn, argumentType, argumentValue, checkSyncWaitOptions, checkWaitOptions, currentThread, deadlineAfter, settle,
  settleSync, WAITABLE, WAITS_ASYNC, WAITS_SYNC,
} from '@multiproc/core'
import type { SyncWaitOptions, Waitable, WaitKind, WaitOptions } from '@multiproc/core'

/**
 * Waits until at least one of `objects` is ready: a Connection that `recv` would not wait at, the end of file included; a
 * Process (or its `sentinel`) that has ended; a Queue that `get` would not wait at.
 *
 * @param options.timeout - milliseconds; 0 looks once; default waits for ever.
 * @param options.signal - aborting ends the wait.
 * @returns those that are ready, in the order given; none after `timeout`. Nothing was taken from them, so somebody else
 * may be faster: use `tryRecv()` or a `timeout`, if others receive there, too.
 * @throws AbortError; ERR_MULTIPROC_CLOSED; ERR_MULTIPROC_UNSUPPORTED for a pipe end that only sends; RangeError for no
 * objects without a timeout: nothing could end that.
 * @remarks Python: `multiprocessing.connection.wait(object_list, timeout)`, seconds there.
 * @example
 * for (const ready of await wait([connection, child])) if (ready === child) console.log('it has ended')
 */
export async function wait<W extends Waitable>(objects: Iterable<W>, options?: WaitOptions): Promise<W[]> {
  const call = '`wait()`'
  const wait = checkWaitOptions(call, options)
  const list = checkObjects(call, objects, wait)
  if (wait.signal?.aborted) throw abortError(wait.signal)
  const turn = turnFor(call, list, WAITS_ASYNC)
  return (await settle(currentThread(), turn, wait)) ? turn.ready.map((i) => list[i]!) : []
}

/** The same, blocking this thread. The end of a Process is seen up to 10 ms late. */
export function waitSync<W extends Waitable>(objects: Iterable<W>, options?: SyncWaitOptions): W[] {
  const call = '`waitSync()`'
  const wait = checkSyncWaitOptions(call, options)
  const list = checkObjects(call, objects, wait)
  const thread = currentThread()
  const turn = turnFor(call, list, WAITS_SYNC)
  return settleSync(thread, turn, deadlineAfter(thread, wait.timeout)) ? turn.ready.map((i) => list[i]!) : []
}

function turnFor(call: string, objects: readonly Waitable[], kind: WaitKind): AnyTurn {
  return new AnyTurn(objects.map((each) => each[WAITABLE](call, kind)))
}

function checkObjects<W extends Waitable>(call: string, objects: Iterable<W>, { timeout }: WaitOptions): W[] {
  if (typeof objects !== 'object' || objects === null || !(Symbol.iterator in objects)) {
    throw argumentType(`${call}: objects`, 'an iterable of Connections, Processes and Queues', objects)
  }
  const list = [...objects]
  list.forEach((each: unknown, i) => {
    if (typeof (each as Waitable | null)?.[WAITABLE] !== 'function') {
      throw argumentType(`${call}: objects[${i}]`, 'a Connection, a Process, its sentinel or a Queue', each)
    }
  })
  if (list.length === 0 && timeout === undefined) throw argumentValue(`${call}: objects`, 'at least one object, or come with a timeout', list)
  return list
}
