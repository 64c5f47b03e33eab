import { expect, it } from 'vitest'
import { describeExit, exitError, exitOf } from '../../src/exit.ts'

it('gives the exit code of a process that ended by itself', () => {
  expect(exitOf(0, null)).toEqual({ exitCode: 0, signalCode: null })
  expect(exitOf(3, null)).toEqual({ exitCode: 3, signalCode: null })
})

it('gives -N for signal N, named or numbered', () => {
  expect(exitOf(null, 'SIGKILL')).toEqual({ exitCode: -9, signalCode: 'SIGKILL' })
  expect(exitOf(null, 15)).toEqual({ exitCode: -15, signalCode: 'SIGTERM' })
  expect(exitOf(null, 6)).toEqual({ exitCode: -6, signalCode: 'SIGABRT' })
})

it('invents a name for a signal that has none', () => {
  expect(exitOf(null, 40)).toEqual({ exitCode: -40, signalCode: 'SIG40' })
})

it('says call, process and how it ended', () => {
  expect(describeExit(exitOf(3, null))).toBe('with exit code 3')
  const error = exitError('Process-1', 42, exitOf(null, 9))
  expect(error.message).toBe('`process.result()` failed: Process-1 (pid 42) ended by SIGKILL before its target returned. See its stderr.')
  expect(error).toMatchObject({ code: 'ERR_MULTIPROC_PROCESS_EXIT', pid: 42, processName: 'Process-1', exitCode: -9, signalCode: 'SIGKILL' })
})
