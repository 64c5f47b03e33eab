import { runProgram } from '@multiproc/testing'
import { expect, it } from 'vitest'

const run = (name: string) => runProgram(new URL(`./fixtures/${name}.ts`, import.meta.url), { timeoutMs: 120_000 })

it('runs functions of every kind, copies arguments at the call, and refuses bad input by name', async () => {
  const { stdout, stderr, exitCode } = await run('basics')
  expect(stdout.split('\n')).toEqual([
    '3 42',
    '[ 3, 6, 9 ] []',
    "[ 'xx', 'yyy' ]",
    '[ 2, 3 ]',
    '[ 0, 1, 2, 3 ] 1',
    'true gear Broken undefined: the gear broke true',
    'true',
    'ERR_MULTIPROC_ENCODING true',
    'ERR_MULTIPROC_NOT_SENDABLE args[0].onDone',
    'ERR_MULTIPROC_ARG_TYPE ',
    'ERR_MULTIPROC_ARG_TYPE ',
    'ERR_MULTIPROC_UNKNOWN_OPTION chunkSize',
    'ERR_MULTIPROC_ARG_VALUE ',
    'ERR_MULTIPROC_ARG_TYPE ',
    'ERR_MULTIPROC_UNKNOWN_OPTION maxTasksPerChild',
    'ERR_MULTIPROC_DEADLOCK close()',
    "[ 5, 'no' ]",
    'false false TimeoutError slow true true',
    'last true true',
    'true ERR_MULTIPROC_CLOSED',
    'true 7',
    '',
  ])
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
})

it('runs the initializer in each worker, and fails the tasks with what it throws', async () => {
  const { stdout, exitCode } = await run('initializer')
  expect(stdout.split('\n')).toEqual([
    "[ 'ready', 'ready', 'ready', 'ready' ]",
    "[ 'RangeError: no model', 'RangeError: no model' ]",
    'true',
    'ERR_MULTIPROC_WORKER_LOST 9',
    '',
  ])
  expect(exitCode).toBe(0)
})

it('rejects the task of a worker that dies, whatever kills it, and no other', async () => {
  const { stdout, exitCode } = await run('deaths')
  const others = '[ 10, 20, 30, 40, 50 ]'
  expect(stdout.split('\n')).toEqual([
    `kill -9 true ERR_MULTIPROC_WORKER_LOST -9 SIGKILL number ${others}`,
    `exit(3) true ERR_MULTIPROC_WORKER_LOST 3 null number ${others}`,
    `uncaught true ERR_MULTIPROC_WORKER_LOST 1 null number ${others}`,
    `abort true ERR_MULTIPROC_WORKER_LOST -6 SIGABRT number ${others}`,
    'never settles ERR_MULTIPROC_WORKER_LOST 0 true',
    'decoding ERR_MULTIPROC_WORKER_LOST 4',
    '[ 2, 3, 4 ]',
    '1 true',
    'ERR_MULTIPROC_CLOSED undefined',
    '',
  ])
  expect(exitCode).toBe(0)
})

it('replaces a worker after maxTasksPerChild tasks; an open, idle pool does not keep the program alive', async () => {
  const { stdout, stderr, exitCode } = await run('recycled')
  expect({ stdout, stderr, exitCode }).toEqual({ stdout: '[ 2, 2, 2 ]\n', stderr: '', exitCode: 0 })
})

it('lets workers make pools of their own', async () => {
  const { stdout, stderr, exitCode } = await run('nested')
  expect({ stdout, stderr, exitCode }).toEqual({ stdout: '[ 6, 12 ]\n', stderr: '', exitCode: 0 })
})

it('gives out results one by one, reads its input no further ahead than it may, and closes it when the reader leaves', async () => {
  const { stdout, stderr, exitCode } = await run('imap')
  expect(stdout.split('\n')).toEqual([
    '50 true true 50 1',
    'left 2 true',
    '[ 1, 400 ]',
    '{ done: false, value: 0 } { done: false, value: 1 } RangeError: two { done: true, value: undefined } 3',
    '{ done: false, value: 1 } Error: the input broke { done: true, value: undefined }',
    '{ done: false, value: 1 } ERR_MULTIPROC_NOT_SENDABLE { done: true, value: undefined }',
    'ERR_MULTIPROC_TIMEOUT ABORT_ERR { done: false, value: 300 }',
    '4950 [ 7 ] true',
    '',
  ])
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
})

it('ends a task that is cancelled or runs too long with its worker, tries again what may be, and harms no other task', async () => {
  const { stdout, stderr, exitCode } = await run('cancel')
  expect(stdout.split('\n')).toEqual([
    'cancel true ABORT_ERR false 012345678910111213141516171819',
    'replaced true',
    'signal ABORT_ERR enough ABORT_ERR',
    'aborted before ABORT_ERR',
    'times ERR_MULTIPROC_TIMEOUT ERR_MULTIPROC_TIMEOUT ran',
    'retry 3',
    'too few ERR_MULTIPROC_WORKER_LOST',
    'errors Error: always [ 1, 2 ]',
    'map Error: first',
    'context mine',
    'full ERR_MULTIPROC_FULL',
    '[ 1, 2 ]',
    '',
  ])
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
})
