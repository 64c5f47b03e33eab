import { runProgram } from '@multiproc/testing'
import { expect, it } from 'vitest'

it.each([
  ['hands a re-entrant lock on when its holder is killed', 'rlock', 'true'],
])('%s', async (_, scenario, seen) => {
  const { stdout, stderr, exitCode } = await runProgram(new URL('./fixtures/primitives.ts', import.meta.url), { args: [scenario], timeoutMs: 50_000 })
  expect(exitCode, stderr).toBe(0)
  expect(stdout.trim()).toBe(seen)
})
