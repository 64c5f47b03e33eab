import type { WaitOptions } from '@multiproc/core'
import { call, ManagedProxy } from '../proxy.ts'
import { builtin } from './managed-type.ts'
import { callWaiting } from './wait-arguments.ts'
import type { ResultsOfWaits } from './wait-arguments.ts'
import { WaitingLine } from './waiting-line.ts'

interface EventState {
  isSet: boolean
  /** How often it was set: a wait that was under way ends even if it is cleared at once. */
  times: number
  readonly line: WaitingLine
}

export const event = builtin<EventState>({
  create: () => ({ isSet: false, times: 0, line: new WaitingLine() }),
  show: ({ isSet }) => ({ contents: { isSet } }),
  exposed: {
    isSet: (event) => event.isSet,
    set: (event) => {
      event.isSet = true
      event.times++
      event.line.serve()
    },
    clear: (event) => void (event.isSet = false),
  },
  waiting: {
    wait: (event, context, { timeout }: { timeout?: number } = {}) => {
      const { times } = event
      return event.line.wait('event.wait()', context, timeout, () => event.isSet || event.times !== times || undefined)
    },
  },
})

/** A flag in a manager's server. Python: `manager.Event()`. */
export class EventProxy extends ManagedProxy {
  static readonly waits: ResultsOfWaits = { wait: { at: 0, result: (isSet) => isSet === true } }

  isSet(): Promise<boolean> {
    return call(this, 'isSet', [])
  }

  set(): Promise<void> {
    return call(this, 'set', [])
  }

  clear(): Promise<void> {
    return call(this, 'clear', [])
  }

  /** @returns true once it is set; false after `timeout`. @throws AbortError, ServerLostError. */
  async wait(options?: WaitOptions): Promise<boolean> {
    return (await callWaiting<true | undefined>(this, 'event.wait()', 'wait', [], options)) === true
  }
}
