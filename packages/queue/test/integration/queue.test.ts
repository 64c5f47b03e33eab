import { runProgram } from '@multiproc/testing'
import { expect, it } from 'vitest'

const run = (name: string, ...args: string[]) => runProgram(new URL(`./fixtures/${name}.ts`, import.meta.url), { args, timeoutMs: 120_000 })

it('delivers what a child put right before it exited, to a parent that is blocked', async () => {
  const { stdout, stderr, exitCode } = await run('put-then-exit')
  expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'last words true 7\n', stderr: '', exitCode: 0 })
})

it('carries a queue inside an item', async () => {
  const { stdout, stderr, exitCode } = await run('handle-in-item')
  expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'found it undefined\n', stderr: '', exitCode: 0 })
})

it('hands on the lease of a killed consumer, and settles what another one owed', async () => {
  const { stdout, stderr, exitCode } = await run('dead-holders')
  expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'settled\n', stderr: '', exitCode: 0 })
})

it.each(['1', '2', '3'])('keeps order, doubles nothing and loses nothing while producers and consumers are killed (seed %s)', async (seed) => {
  const { stdout, exitCode, stderr } = await run('kills', seed)
  expect({ stdout, exitCode }, stderr).toEqual({ stdout: '{"twice":0,"outOfOrderBeyondHands":0,"lostBeyondHands":0}\n', exitCode: 0 })
})
