import { runProgram } from '@multiproc/testing'
import { expect, it } from 'vitest'

const WATCHDOG_MS = 100_000

it('processes killed while they allocate leave tables whole and nothing lost', { timeout: WATCHDOG_MS + 5000 }, async () => {
  const program = new URL('../fixtures/arena/kills.ts', import.meta.url)
  const outcome = await runProgram(program, { execArgv: ['--conditions=@multiproc/source'], timeoutMs: WATCHDOG_MS })
  expect(outcome, outcome.stdout + outcome.stderr).toMatchObject({ exitCode: 0, stderr: '' })
  expect(outcome.stdout).toContain('whole')
})
