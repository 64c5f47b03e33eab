import { readFile } from 'node:fs/promises'
import { runProgram } from '@multiproc/testing'
import { describe, expect, it } from 'vitest'

/** The whole suite runs with each start method: `POOL_METHOD`, read by the fixtures. */
describe.each(['spawn', 'thread'])('%s', (method) => {
const run = (name: string) => runProgram(new URL(`./fixtures/${name}.ts`, import.meta.url), { timeoutMs: 120_000, env: { ...process.env, POOL_METHOD: method } })
/** The program prints these lines and nothing else, and ends well. */
const expectLines = async (name: string, lines: readonly unknown[]): Promise<void> => {
  const { stdout, stderr, exitCode } = await run(name)
  expect({ lines: stdout.split('\n'), stderr, exitCode }).toEqual({ lines: [...lines, ''], stderr: '', exitCode: 0 })
}

it('runs functions of every kind, copies arguments at the call, and refuses bad input by name', async () => {
  await expectLines('basics', [
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
  ])
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
    `exit(3) true ERR_MULTIPROC_WORKER_LOST 3 null number ${others}`,
    `uncaught true ERR_MULTIPROC_WORKER_LOST 1 null number ${others}`,
    // A thread shares its process: these would end the whole program.
    ...(method === 'thread' ? [] : [
      `kill -9 true ERR_MULTIPROC_WORKER_LOST -9 SIGKILL number ${others}`,
      `abort true ERR_MULTIPROC_WORKER_LOST -6 SIGABRT number ${others}`,
    ]),
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
  await expectLines('recycled', ['[ 2, 2, 2 ]'])
})

it('lets workers make pools of their own', async () => {
  await expectLines('nested', ['[ 6, 12 ]'])
})

it('gives out results one by one, reads its input no further ahead than it may, and closes it when the reader leaves', async () => {
  await expectLines('imap', [
    '50 true true 50 1',
    'left 2 true',
    '[ 1, 400 ]',
    '{ done: false, value: 0 } { done: false, value: 1 } RangeError: two { done: true, value: undefined } 3',
    '{ done: false, value: 1 } Error: the input broke { done: true, value: undefined }',
    '{ done: false, value: 1 } ERR_MULTIPROC_NOT_SENDABLE { done: true, value: undefined }',
    'ERR_MULTIPROC_TIMEOUT ABORT_ERR { done: false, value: 300 }',
    '4950 [ 7 ] true',
  ])
})

it('ends a task that is cancelled or runs too long with its worker, tries again what may be, and harms no other task', async () => {
  await expectLines('cancel', [
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
  ])
})

it('has every member that the contract names', async () => {
  await expectLines('members', [
    'sync 42 [ 2, 4, 6 ]',
    'sync error RangeError: no beside',
    'sync timeout ERR_MULTIPROC_TIMEOUT goes on',
    'kwargs 3',
    'wrap 8 module 12 true',
    'module true true',
    'broadcast 2',
    "constant [ 'a', 'b', 'a', 'b' ] true 2",
    'other pool ERR_MULTIPROC_NOT_SENDABLE',
    'stream 100 99',
    'stream error 1 RangeError: broken',
    'stream left 1',
    'stream refused TypeError',
    'report 1 [ 1, 1, 2, 1, 3, 1 ] null',
    'soft true ABORT_ERR true true',
    "settled [ '0:1', '1:2', '2:no 3', '3:4' ]",
    "imap settled [ '0 rejected', '1 fulfilled' ]",
    'not fail fast Error: no 3 5 5/5',
    'priority [ 5, 1, 0 ]',
    'affinity 1',
    'stats true true 0 0 2 true true true',
    'total time true',
    'drain drained true true',
    `events true true ${method}`,
  ])
})

it('keeps to its limits: tasks in one worker, workers, memory, time to close', async () => {
  const { stdout, exitCode } = await run('limits')
  expect(stdout.split('\n').filter((line) => !/^\s|^<|^\[|^$/.test(line))).toEqual([
    'concurrency [ 1, 2, 3, 4 ]',
    'lost together rejected rejected rejected rejected fulfilled fulfilled',
    'elastic 1 true goes on',
    'memory limit true',
    'out of memory true goes on',
    'join false done',
    'close ERR_MULTIPROC_CLOSED',
  ])
  expect(exitCode).toBe(0)
})

it('answers as the table in docs/guide/pools.md says, wherever and however a worker fails', async () => {
  const { stdout, exitCode } = await run('crash-table')
  const rows = (await readFile(new URL('../../../../docs/guide/pools.md', import.meta.url), 'utf8')).split('\n').filter((line) => line.startsWith('| ')).map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()))
  const head = rows.findIndex(([first]) => first === 'fails while')
  const hows = (rows[head] as string[]).slice(1)
  const cells = new Map<string, string>()
  for (const [where, ...ended] of rows.slice(head + 1, head + 9)) for (const [at, how] of hows.entries()) cells.set(`${where} | ${how}`, ended[at] as string)
  const lines = stdout.trim().split('\n')
  for (const line of lines) {
    const [where, how, ended] = line.split(' | ') as [string, string, string]
    expect(`${where} | ${how}: ${ended}`).toBe(`${where} | ${how}: ${cells.get(`${where} | ${how}`)}`)
  }
  expect({ cells: lines.length, exitCode }).toEqual({ cells: method === 'thread' ? 26 : 38, exitCode: 0 })
})

it('settles every promise when code of the user’s ends the pool, submits, blocks, cancels or throws inside its calls', async () => {
  await expectLines('hostile', [
    'getter terminates ERR_MULTIPROC_CLOSED true threw ERR_MULTIPROC_CLOSED',
    'map getter terminates ERR_MULTIPROC_CLOSED',
    `getter submits value 7 [ 'value "inner"' ]`,
    "reviver terminates Set(1) { 'ERR_MULTIPROC_CLOSED' }",
    `reviver submits value "submitted" [ 'value "again"' ]`,
    'reviver blocks value "sync"',
    "callback closes [ 'value 1', 'value 2' ] undefined [ 'callback' ]",
    'progress terminates true',
    'iterator throws threw RangeError: input RangeError',
    'iterator closes value [1,2] threw ERR_MULTIPROC_CLOSED',
    'input does not begin threw RangeError: begin threw RangeError: begin undefined',
    'cancel races 48',
    "imap terminated Set(1) { 'ERR_MULTIPROC_CLOSED' }",
    expect.stringMatching(/^stream terminated (ERR_MULTIPROC_CLOSED|value .*true.*)$/),
    'abort all true 0',
    'true',
  ])
})
})
