import { EventEmitter } from 'node:events'
import '@multiproc/closure'
import { claimProcess, encode, functionShipper, MultiprocError, type ProcessPlace } from '@multiproc/core'
import { getStartMethod } from './context.ts'
import type { StartBody } from './protocol.ts'
import { self } from './self.ts'
import { internals } from './settings.ts'
import type { StartedChild, Starter } from './start/method.ts'
import type { AnyProcess, State } from './state.ts'

/** The own fields every Process has from EventEmitter: listeners stay here. */
const emitterKeys = new Set(Object.keys(new EventEmitter()))

/** Encodes what the child needs and starts it. Throws before anything is started if something cannot be sent. */
export function launch(process: AnyProcess, state: State, starter: Starter, isPlain: boolean): StartedChild {
  const { settings } = state
  const body: StartBody = {
    target: settings.target,
    args: settings.args ?? [],
    kwargs: settings.kwargs,
    class: isPlain ? undefined : process.constructor,
    this: isPlain ? undefined : ownFields(process),
  }
  const here = self()
  const special = settings[internals] ?? {}
  const head = {
    name: process.name,
    identity: state.identity,
    daemon: process.daemon,
    mayHaveChildren: special.mayHaveChildren ?? false,
    depth: here.depth + 1,
    maxDepth: here.maxDepth,
    maxProcesses: here.maxProcesses,
    authKey: Buffer.from(state.authKey).toString('base64'),
    argv: globalThis.process.argv,
    parent: { pid: globalThis.process.pid, name: here.name },
    ignoreSigint: special.ignoreSigint ?? false,
    title: special.title,
    startMethod: getStartMethod({ allowNone: true }),
  }
  const encoded = encode(body, '')
  let place: ProcessPlace | undefined
  const over = () => {
    place?.release()
    encoded.abort() // what nobody took, or will
  }
  try {
    place = claimProcess(here.maxProcesses)
    return starter.start({ head, body: encoded, settings, place, over })
  } catch (error) {
    over()
    throw error
  }
}

function ownFields(process: AnyProcess): Record<string, unknown> {
  if (functionShipper()?.hasPrivateState?.(process.constructor) === true) {
    throw new MultiprocError(
      'ERR_MULTIPROC_PRIVATE_STATE',
      `\`process.start()\` failed: ${process.constructor.name} has #private fields, which cannot be read from outside and would be missing in the child. Use plain fields, or pass the values as args.`,
    )
  }
  return Object.fromEntries(Object.entries(process).filter(([key]) => !emitterKeys.has(key)))
}
