import { adoptHandles, decode, encode, preloadFunctions, RemoteError, type Encoded } from '@multiproc/core'
import '@multiproc/closure'
import { setCurrent } from '../current.ts'
import { Process } from '../process.ts'
import { CRASHED, RETURNED, THREW, UNSENDABLE, type ResultKind, type StartBody } from '../protocol.ts'
import { endLoading, isLoading, self } from '../self.ts'
import type { StartLink } from '../start-link.ts'
import { endWithParent } from './orphan.ts'
import { safeText } from './safe-text.ts'
import { untilNeeded } from './spare.ts'

/** Node's own code for a program that ended while it waited for something that never came. */
const UNSETTLED = 13

/** From the payload to the end of `run()`. Afterwards the process ends when its event loop has nothing left to do. */
export async function bootstrap(): Promise<void> {
  const given = self().start
  if (given === undefined) throw new Error('This file is run by @multiproc/process, in the processes it starts; it cannot be run by hand.')
  given.begin()
  const start = given.head.spare === undefined ? given : await untilNeeded(given)
  const { name } = start.head
  settleIn(start)
  const report = watchForErrors(start)
  try {
    const process = await load(start)
    endLoading()
    report(RETURNED, await process.run())
  } catch (error) {
    report(THREW, error)
    process.stderr.write(`Process ${name}:\n${safeText(error)}\n`)
    // As for any uncaught error: what else is going on here ends too.
    process.exit(1)
  }
}

function settleIn({ head, inThread }: StartLink): void {
  process.argv.splice(0, Infinity, ...head.argv)
  if (inThread) return
  // A process that has nothing left to do takes a third of its whole life to give back its heap piece by piece; exit() leaves
  // that to the system. Not where a handler of the user's may find more to do.
  process.on('beforeExit', () => {
    if (process.listenerCount('beforeExit') === 1) process.exit()
  })
  if (head.ignoreSigint) process.on('SIGINT', () => {})
  if (head.daemon) endWithParent(head)
  process.title = head.title ?? `multiproc ${head.name}`
}

async function load(start: StartLink): Promise<Process> {
  const body = start.takeBody()
  adoptHandles(body)
  await preloadFunctions(body)
  const { target, args, kwargs, class: Class, this: fields } = decode(body) as StartBody
  const instance = Object.create((Class ?? Process).prototype) as Process
  for (const [key, value] of Object.entries(fields ?? {})) {
    // Not by assignment: the field may have the name of an accessor of Process.
    Object.defineProperty(instance, key, { value, writable: true, enumerable: true, configurable: true })
  }
  setCurrent(instance, { target, args, kwargs })
  return instance
}

type Report = (kind: ResultKind, value: unknown) => void

/** Gives the function that records how `run()` ended, and records what ends the process before that. */
function watchForErrors({ head: { name }, inThread, writeResult }: StartLink): Report {
  let reported = false
  const report: Report = (kind, value) => {
    if (reported) return
    reported = true
    writeEncoded(writeResult, kind, value)
  }
  // Node itself prints such an error and ends the process with code 1, unless the user handles it.
  process.on('uncaughtExceptionMonitor', (error) => {
    if (process.listenerCount('uncaughtException') > 0) return
    // Of a thread Node prints nothing: it tells the starter, who has our report already.
    process.stderr.write(`Process ${name}:\n${inThread ? `${safeText(error)}\n` : ''}`)
    report(CRASHED, error)
  })
  process.on('exit', (code) => {
    if (code !== 0 || !isLoading()) return
    process.stderr.write(`Process ${name}:\nits modules wait for something that never comes (a top-level await).\n`)
    process.exitCode = UNSETTLED
  })
  return report
}

function writeEncoded(write: StartLink['writeResult'], kind: ResultKind, value: unknown): void {
  let encoded: Encoded
  try {
    encoded = encode(value, kind === RETURNED ? 'result' : 'error')
  } catch (problem) {
    if (kind === RETURNED) return writeEncoded(write, UNSENDABLE, problem)
    // An error with something unsendable in it: its text at least.
    const { name = 'Error', message = safeText(value), stack = '' } = value instanceof Error ? value : {}
    encoded = encode(new RemoteError(`${name}: ${message}`, { originalName: name, remoteStack: stack }), 'error')
  }
  write(kind, encoded.bytes, encoded.hasHandles)
  encoded.commit()
}
