import type { Turn } from '../parking/turn.ts'
import type { WaitKind } from './agent.ts'

/** The method by which `wait()` waits for an object of any package. Shared by all copies of core. */
export const WAITABLE: unique symbol = Symbol.for('multiproc.waitable') as never

/** What `wait()` and `waitSync()` can wait for. */
export interface Waitable {
  /**
   * A turn whose `look` is true when the object is ready, and takes nothing. Throws if it can never be: closed, or an end
   * that cannot receive.
   */
  [WAITABLE](call: string, kind: WaitKind): Turn
}
