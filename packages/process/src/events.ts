/** What others may watch: `diagnostics_channel`, and with NODE_DEBUG=multiproc a line on stderr for each start and end. */
import { channel } from 'node:diagnostics_channel'
import { debuglog } from 'node:util'
import type { Exit } from './exit.ts'
import type { StartMethod } from './protocol.ts'
import type { AnyProcess } from './state.ts'

const debug = debuglog('multiproc')
const starts = channel('multiproc:process:start')
const exits = channel('multiproc:process:exit')

/** The message of `multiproc:process:start`, and the first part of that of `multiproc:process:exit`. */
export interface ProcessEvent {
  readonly process: AnyProcess
  readonly name: string
  readonly pid: number
  readonly method: StartMethod
}

export function tellStart(event: ProcessEvent): void {
  debug('%s started by %s, pid %d', event.name, event.method, event.pid)
  starts.publish(event)
}

export function tellExit(event: ProcessEvent, { exitCode, signalCode }: Exit): void {
  debug('%s (pid %d) ended, exit code %d%s', event.name, event.pid, exitCode, signalCode === null ? '' : `, ${signalCode}`)
  exits.publish({ ...event, exitCode, signalCode })
}
