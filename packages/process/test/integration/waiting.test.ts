import { expect, it } from 'vitest'
import { by, facts, methods } from './run.ts'

it.each(methods)('%s: joins, times out, aborts, ends and reports as documented', async (method) => {
  expect(await facts('waiting.mjs', by(method))).toMatchObject({
    joined: [true, true, true, 7, 7],
    timeouts: [false, false, false, false],
    resultTimeout: ['TimeoutError', 'ERR_MULTIPROC_TIMEOUT'],
    abortedJoin: ['AbortError', 'ABORT_ERR', 'enough'],
    active: 1,
    terminated: [true, -15, 'SIGTERM', false, 0],
    event: [-15, 'SIGTERM'],
    resultOfTerminated: ['ProcessExitError', -15, 'SIGTERM'],
    killed: [true, -9],
    ...(method === 'thread' ? {} : { interrupted: [true, -2] }),
    signalOption: [true, -15, ['AbortError', 'no more']],
    disposed: [-15, false],
    together: [[true, -9], [true, -9], [true, -9], [true, -9]],
    stderr: '',
  })
})
