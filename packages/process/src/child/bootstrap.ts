import { closeSync } from 'node:fs'
import { inspect } from 'node:util'
import { adoptHandles, decode, encode, preloadFunctions, RemoteError, type Encoded } from '@multiproc/core'
import '@multiproc/closure'
import { setCurrent } from '../current.ts'
import { Process } from '../process.ts'
import { CRASHED, PAYLOAD_FD, readBody, RETURNED, THREW, UNSENDABLE, writeResult, type ResultKind, type StartBody, type StartHead } from '../protocol.ts'
import { endLoading, isLoading, self } from '../self.ts'
import { endWithParent } from './orphan.ts'

/** Node's own code for a program that ended while it waited for something that never came. */
const UNSETTLED = 13

/** From the payload to the end of `run()`. Afterwards the process ends when its event loop has nothing left to do. */
export async function bootstrap(): Promise<void> {
  const { head } = self()
  if (head === undefined) throw new Error('This file is run by @multiproc/process, in the processes it starts; it cannot be run by hand.')
  settleIn(head)
  const report = watchForErrors(head)
  try {
    const process = await load()
    endLoading()
    report(RETURNED, await process.run())
  } catch (error) {
    report(THREW, error)
    process.stderr.write(`Process ${head.name}:\n${inspect(error)}\n`)
    // As for any uncaught error: what else is going on here ends too.
    process.exit(1)
  }
}

function settleIn(head: StartHead): void {
  if (head.ignoreSigint) process.on('SIGINT', () => {})
  if (head.daemon) endWithParent(head)
  if (head.title !== undefined) process.title = head.title
  process.argv.splice(0, Infinity, ...head.argv)
}

async function load(): Promise<Process> {
  const body = readBody()
  closeSync(PAYLOAD_FD)
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
function watchForErrors({ name }: StartHead): Report {
  let reported = false
  const report: Report = (kind, value) => {
    if (reported) return
    reported = true
    writeEncoded(kind, value)
  }
  // Node itself prints such an error and ends the process with code 1, unless the user handles it.
  process.on('uncaughtExceptionMonitor', (error) => {
    if (process.listenerCount('uncaughtException') > 0) return
    process.stderr.write(`Process ${name}:\n`)
    report(CRASHED, error)
  })
  process.on('exit', (code) => {
    if (code !== 0 || !isLoading()) return
    process.stderr.write(`Process ${name}:\nits modules wait for something that never comes (a top-level await).\n`)
    process.exitCode = UNSETTLED
  })
  return report
}

function writeEncoded(kind: ResultKind, value: unknown): void {
  let encoded: Encoded
  try {
    encoded = encode(value, kind === RETURNED ? 'result' : 'error')
  } catch (problem) {
    if (kind === RETURNED) return writeEncoded(UNSENDABLE, problem)
    // An error with something unsendable in it: its text at least.
    const { name = 'Error', message = String(value), stack = '' } = value instanceof Error ? value : {}
    encoded = encode(new RemoteError(`${name}: ${message}`, { originalName: name, remoteStack: stack }), 'error')
  }
  writeResult(kind, encoded.bytes, encoded.hasHandles)
  encoded.commit()
}
