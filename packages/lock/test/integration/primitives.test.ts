import { runProgram } from '@multiproc/testing'
import { expect, it } from 'vitest'

it.each([
  ['returns the owned permits of a killed process, and not its bare ones', 'permits', 'true true false'],
  ['wakes a thread that blocks for the permit of a killed process', 'blocked for a permit', '0'],
  ['ends all waits for an event, although it is cleared at once', 'event', 'true true,true false'],
  ['wakes waiters of other processes, the blocked and the awaiting, as they came', 'condition', 'sync true,async true false'],
  ['hands the notification of a killed waiter to the next', 'killed waiter', 'true'],
  ['leaves nobody asleep whom a killed process had notified', 'killed notifier', 'true,true'],
  ['lets parties of several processes go together, their action called by the last', 'barrier', '0,1,2 0,1,2 2'],
  ['breaks the barrier that a killed process waited at', 'killed party', 'BrokenBarrierError BrokenBarrierError true'],
  ['tells wait() of an event that is set and a permit that is given elsewhere', 'waitables', 'true,false false,true true,false false,true'],
  ['hands a re-entrant lock on when its holder is killed', 'rlock', 'true'],
])('%s', async (_, scenario, seen) => {
  const { stdout, stderr, exitCode } = await runProgram(new URL('./fixtures/primitives.ts', import.meta.url), { args: [scenario], timeoutMs: 50_000 })
  expect(exitCode, stderr).toBe(0)
  expect(stdout.trim()).toBe(seen)
})
