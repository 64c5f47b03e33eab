import { constants } from 'node:os'
import { ProcessExitError } from '@multiproc/core'

/** How a process ended. */
export interface Exit {
  /** -N: ended by signal N. */
  readonly exitCode: number
  readonly signalCode: NodeJS.Signals | null
}

const signalNames = new Map<number, NodeJS.Signals>()
// Some numbers have two names; the first is the usual one (SIGABRT before SIGIOT).
for (const [name, number] of Object.entries(constants.signals)) {
  if (!signalNames.has(number)) signalNames.set(number, name as NodeJS.Signals)
}

export function exitOf(code: number | null, signal: NodeJS.Signals | number | null): Exit {
  if (signal === null) return { exitCode: code ?? 0, signalCode: null }
  const number = typeof signal === 'number' ? signal : constants.signals[signal]
  return { exitCode: -number, signalCode: signalNames.get(number) ?? (`SIG${number}` as NodeJS.Signals) }
}

/** `exit code 3`, `SIGKILL`: completes "ended by" and "ended with". */
export function describeExit(exit: Exit): string {
  return exit.signalCode === null ? `with exit code ${exit.exitCode}` : `by ${exit.signalCode}`
}

export function exitError(name: string, pid: number, exit: Exit, cause?: unknown): ProcessExitError {
  const why = cause === undefined ? 'before its target returned. See its stderr.' : 'by an error outside its target: see `cause`.'
  return new ProcessExitError(`\`process.result()\` failed: ${name} (pid ${pid}) ended ${describeExit(exit)} ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    pid,
    processName: name,
    exitCode: exit.exitCode,
    signalCode: exit.signalCode,
  })
}
