import { runProgram } from '@multiproc/testing'
import { expect, it } from 'vitest'

it.each([
  ['returns the owned permits of a killed process, and not its bare ones', 'permits', 'true true false'],
  ['wakes a thread that blocks for the permit of a killed process', 'blocked for a permit', '0'],
  ['ends all waits for an event, although it is cleared at once', 'event', 'true true,true false'],
  ['hands a re-entrant lock on when its holder is killed', 'rlock', 'true'],
])('%s', async (_, scenario, seen) => {
  const { stdout, stderr, exitCode } = await runProgram(new URL('./fixtures/primitives.ts', import.meta.url), { args: [scenario], timeoutMs: 50_000 })
  expect(exitCode, stderr).toBe(0)
  expect(stdout.trim()).toBe(seen)
})
