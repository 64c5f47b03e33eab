import { AbortError, currentThread, deadlineAfter, startTimer } from '@multiproc/core'
import type { WaitOptions } from '@multiproc/core'

/**
 * Waits for a promise at most as long as the options say. What goes on when the wait ends without it goes on: nothing is
 * cancelled here.
 *
 * @param lapsed - gives the result, or throws, after `timeout`.
 * @param whenAborted - the text of the AbortError.
 */
export function waitFor<R>(promise: Promise<R>, { timeout, signal }: WaitOptions, lapsed: () => R, whenAborted: string): Promise<R> {
  if (timeout === undefined && signal === undefined) return promise
  return new Promise<R>((resolve, reject) => {
    const thread = currentThread()
    const end = (): void => {
      stopTimer()
      signal?.removeEventListener('abort', abort)
    }
    const abort = (): void => {
      end()
      reject(new AbortError(whenAborted, { cause: signal?.reason }))
    }
    const stopTimer = startTimer(thread, deadlineAfter(thread, timeout), () => {
      end()
      try {
        resolve(lapsed())
      } catch (error) {
        reject(error)
      }
    })
    promise.finally(end).then(resolve, reject)
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
  })
}
