import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { runProgram } from '@multiproc/testing'

const fixture = fileURLToPath(new URL('../fixtures/refused-start.mjs', import.meta.url))

it('a start that the limit of processes refuses keeps nothing of its arguments: the other end of a pipe sees the end of file', async () => {
  const { stdout, stderr, exitCode } = await runProgram(fixture, { env: { MULTIPROC_MAX_PROCESSES: '1' }, timeoutMs: 110_000 })
  expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' })
  const limit = 'ERR_MULTIPROC_PROCESS_LIMIT'
  expect(JSON.parse(stdout)).toEqual({ refused: [limit, limit, limit], afterwards: 'ERR_MULTIPROC_EOF' })
}, 120_000)
