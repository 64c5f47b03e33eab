import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { parseArgs } from 'node:util'
import { Lock } from '@multiproc/lock'
import { UsageError } from './usage-error.ts'

/** Programs that hold a lock of that name in their own code, `new Lock({ name })`, are kept out, too. */
const usage = `  multiproc lock NAME [--timeout MS] [--exit-code N] -- COMMAND [ARGUMENT...]
      Runs a command while no other one with this NAME runs, and ends with its exit code.
      --timeout MS    milliseconds to wait for the lock; 0 tries once; default for ever
      --exit-code N   exit code if the lock was not free in time; default 75
      The command finds MULTIPROC_ABANDONED=1 in its environment if the last holder died holding it.`

const EX_TEMPFAIL = 75
const NOT_FOUND = 127
const NOT_EXECUTABLE = 126
/** What ends or tells programs, but for SIGUSR1, which Node keeps for its debugger. The terminal sends the first two by itself. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']
const FORWARDED: readonly NodeJS.Signals[] = [...FROM_TERMINAL, 'SIGTERM', 'SIGHUP', 'SIGUSR2', 'SIGCONT', 'SIGWINCH']

export const lock = { usage, run }

async function run(args: readonly string[]): Promise<number> {
  const { name, timeout, exitCode, command, rest } = parse(args)
  using lock = new Lock({ name })
  // It tells the command instead.
  process.on('warning', () => {})
  if (!(await lock.acquire({ timeout }))) {
    console.error(`multiproc: the lock ${JSON.stringify(name)} was not free within ${timeout} ms`)
    return exitCode
  }
  try {
    return await runCommand(command, rest, lock.abandoned)
  } finally {
    lock.release()
  }
}

function parse(args: readonly string[]) {
  const end = args.indexOf('--')
  if (end < 0 || args[end + 1] === undefined) throw new UsageError('the command is missing, after --')
  const { positionals, values } = parseArgs({
    args: args.slice(0, end),
    allowPositionals: true,
    options: { timeout: { type: 'string' }, 'exit-code': { type: 'string' } },
  })
  const [name, ...more] = positionals
  if (name === undefined || more.length > 0) throw new UsageError('one name is needed, in front of --')
  return {
    name,
    timeout: values.timeout === undefined ? undefined : number('--timeout', values.timeout, Number.MAX_SAFE_INTEGER),
    exitCode: values['exit-code'] === undefined ? EX_TEMPFAIL : number('--exit-code', values['exit-code'], 255),
    command: args[end + 1] as string,
    rest: args.slice(end + 2),
  }
}

function number(option: string, text: string, most: number): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isInteger(value) || value < 0 || value > most) throw new UsageError(`${option} must be a whole number from 0 to ${most}, not ${JSON.stringify(text)}`)
  return value
}

function runCommand(command: string, args: readonly string[], abandoned: boolean): Promise<number> {
  const env = { ...process.env, MULTIPROC_ABANDONED: abandoned ? '1' : undefined }
  const isInTerminal = process.stdin.isTTY === true
  const forward = (signal: NodeJS.Signals): void => {
    if (!(isInTerminal && FROM_TERMINAL.includes(signal))) child.kill(signal)
  }
  // Before the command runs, whose first word may be answered with a signal; they are told to us later, by the event loop.
  for (const signal of FORWARDED) process.on(signal, forward)
  const child = spawn(command, args, { stdio: 'inherit', env })
  return new Promise((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (child.pid !== undefined) return // it may not be sent a signal, and runs on: `sudo`
      console.error(`multiproc: ${command} cannot be run: ${error.code ?? error.message}`)
      resolve(error.code === 'ENOENT' ? NOT_FOUND : NOT_EXECUTABLE)
    })
    child.once('exit', (code, signal) => {
      for (const each of FORWARDED) process.off(each, forward)
      // As shells say it.
      resolve(code ?? 128 + constants.signals[signal as NodeJS.Signals])
    })
  })
}
