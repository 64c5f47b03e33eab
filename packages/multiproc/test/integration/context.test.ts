import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { runProgram } from '@multiproc/testing'

const fixture = fileURLToPath(new URL('../fixtures/contexts.mjs', import.meta.url))

it('cpython: TestStartMethod.test_context, test_set_get and test_mixed_startmethod: a context has its start method, its children too, and shares its handles with others', async () => {
  const { stdout, stderr, exitCode } = await runProgram(fixture, { timeoutMs: 110_000 })
  expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' })
  const { contexts, global, same, refused } = JSON.parse(stdout)
  for (const [method, name] of [['spawn', 'SpawnProcess'], ['prefork', 'PreforkProcess'], ['thread', 'ThreadProcess']]) {
    expect(contexts[method!]).toEqual({ method, name, child: [method === 'thread', 2], extended: [method === 'thread', 3], pool: method === 'thread', set: 'ERR_MULTIPROC_ARG_VALUE', queue: method })
  }
  expect({ global, same, refused }).toEqual({ global: null, same: true, refused: 'ERR_MULTIPROC_ARG_VALUE' })
}, 120_000)
