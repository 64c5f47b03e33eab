import { expect, it, describe } from 'vitest'
import { by, facts, methods } from './run.ts'

describe.each(methods)('a child started by %s that fails', (method) => {
  it('gives its own error, or ProcessExitError, and prints a trace under its name', async () => {
    const { stderr, ...cases } = await facts('failures.mjs', by(method))
    expect(cases.thrown).toMatchObject({ name: 'Error', message: 'tray 2 is empty', tray: 2, isPaper: true, exitCode: 1, remote: 'printer' })
    expect(stderr).toMatch(/Process printer:\n(.*\n)*?.*tray 2 is empty\n {4}at /)
    expect(cases.rejected).toMatchObject({ name: 'TypeError', message: 'late', cause: 'why', exitCode: 1 })
    expect(cases.string).toMatchObject({ primitive: 'just text', exitCode: 1 })
    expect(cases.mute).toMatchObject({ name: 'RemoteError', message: expect.stringContaining('a value that cannot be shown'), exitCode: 1 })
    const exit = { name: 'ProcessExitError', code: 'ERR_MULTIPROC_PROCESS_EXIT', isExit: true, isOurs: true }
    expect(cases.exit).toMatchObject({ ...exit, exitCode: 3 })
    expect(cases.exit.message).toMatch(/Process-\d+ \(pid \d+\) ended with exit code 3 before its target returned/)
    expect(cases.exitZero).toMatchObject({ ...exit, exitCode: 0 })
    expect(cases.exitCode).toMatchObject({ value: 'value', exitCode: 4 })
    expect(cases.never).toMatchObject({ ...exit, exitCode: 0 })
    expect(cases.timer).toMatchObject({ ...exit, exitCode: 1, cause: 'in a timer' })
    expect(cases.unhandled).toMatchObject({ ...exit, exitCode: 1, cause: 'nobody cared' })
    expect(stderr).toMatch(/Process Process-9:\n(.*\n)*?Error: in a timer/)
    expect(cases.handled).toMatchObject({ value: 'caught', exitCode: 0 })
    expect(cases.unsendable).toMatchObject({ name: 'MaybeEncodingError', code: 'ERR_MULTIPROC_ENCODING', exitCode: 0, message: expect.stringContaining('result.deep[0]') })
    if (method !== 'thread') expect(cases.killed).toMatchObject({ ...exit, exitCode: -9, message: expect.stringContaining('ended by SIGKILL') })
    expect(cases.afterReturn).toMatchObject({ value: 1, exitCode: 9 })
  })
})

describe.each(methods)('misuse with %s', (method) => {
  it('is refused with a code and a next step, before anything is started', async () => {
    const { refusals, ended, inside } = await facts('misuse.mjs', by(method))
    const code = (name: string) => refusals[name].code
    for (const name of ['joinBeforeStart', 'joinSyncBeforeStart', 'resultBeforeStart', 'terminateBeforeStart', 'sentinelBeforeStart']) {
      expect(refusals[name]).toMatchObject({ name: 'ProcessError', code: 'ERR_MULTIPROC_NOT_STARTED', message: expect.stringContaining('Call start() first') })
    }
    expect(refusals.unsendable).toMatchObject({ code: 'ERR_MULTIPROC_NOT_SENDABLE', message: expect.stringContaining('args[0].onDone is') })
    expect(refusals.unsendableKwargs).toMatchObject({ code: 'ERR_MULTIPROC_NOT_SENDABLE', message: expect.stringContaining('kwargs.promise is') })
    expect(refusals.processAsArgument).toMatchObject({ code: 'ERR_MULTIPROC_NOT_SENDABLE', message: expect.stringContaining('args[0] is a Process') })
    expect([code('joinSelf'), code('startSelf')]).toEqual(['ERR_MULTIPROC_NOT_CHILD', 'ERR_MULTIPROC_ALREADY_STARTED'])
    expect(refusals.number).toMatchObject({ name: 'TypeError', message: expect.stringContaining('{ timeout: 1000 }') })
    expect(refusals.python).toMatchObject({ code: 'ERR_MULTIPROC_UNKNOWN_OPTION', message: expect.stringContaining('use args') })
    expect([code('method'), code('chosen')]).toEqual(['ERR_MULTIPROC_ARG_VALUE', 'ERR_MULTIPROC_ALREADY_STARTED'])
    if (method !== 'thread') expect(refusals.cwd).toMatchObject({ code: 'ERR_MULTIPROC_SPAWN', message: expect.stringContaining('/no/such/folder') })
    for (const [name, refusal] of Object.entries<any>(refusals).filter(([name]) => name.startsWith('thread.'))) {
      expect({ name, code: refusal.code }).toEqual({ name, code: 'ERR_MULTIPROC_UNSUPPORTED' })
    }
    expect(refusals.aborted).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' })
    for (const name of ['startTwice', 'daemonAfterStart', 'nameAfterStart', 'closeRunning', 'startAfterEnd']) expect(code(name)).toBe('ERR_MULTIPROC_ALREADY_STARTED')
    expect([code('closed'), code('closedJoin')]).toEqual(['ERR_MULTIPROC_CLOSED', 'ERR_MULTIPROC_CLOSED'])
    expect(ended).toBe(true)
    expect(inside).toEqual(['ERR_MULTIPROC_NOT_CHILD', 'ERR_MULTIPROC_NOT_CHILD', 'ERR_MULTIPROC_ALREADY_STARTED'])
  })
})
