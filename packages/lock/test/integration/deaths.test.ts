import { runProgram } from '@multiproc/testing'
import { describe, expect, it } from 'vitest'

const run = async (name: string, ...args: string[]): Promise<string> => {
  const { stdout, stderr, exitCode, signal } = await runProgram(new URL(`./fixtures/${name}.ts`, import.meta.url), { args, timeoutMs: 50_000 })
  expect({ exitCode, signal }, stderr).toEqual({ exitCode: 0, signal: null })
  return stdout.trim()
}

describe('a holder that dies', () => {
  it.each([
    ['blocked parent', 'true true'],
    ['blocked parent, async holder', 'true true'],
    ['awaiting parent', 'true true'],
    ['waiting children', '1 abandoned of 4'],
    ['terminated worker that holds', 'true true'],
    ['terminated worker that holds, awaited', 'true true'],
    ['throws when abandoned', 'AbandonedError, locked false, then true false'],
  ])('hands the lock on: %s', async (scenario, seen) => {
    expect(await run('deaths', scenario)).toBe(seen)
  })
})

describe('a waiter that dies', () => {
  it.each([
    ['killed waiter', 'sync false'],
    ['terminated worker that sleeps', 'true false'],
    ['exit while a worker sleeps', 'exits'],
  ])('is passed over: %s', async (scenario, seen) => {
    expect(await run('deaths', scenario)).toBe(seen)
  })
})

it('never takes the lock from a holder that is stopped', async () => {
  expect(await run('deaths', 'stopped holder')).toBe('false,false then true true')
})

it('does not give the lock to a waiter that is stopped', async () => {
  expect(await run('deaths', 'stopped waiter')).toBe('true, sync false')
})

it.each(['1', '2'])('keeps exclusion while holders and waiters are killed (seed %s)', async (seed) => {
  expect(await run('storm', seed)).toBe('done,done,done false')
})
