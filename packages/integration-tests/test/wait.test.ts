import { runProgram } from '@multiproc/testing'
import { expect, it } from 'vitest'

it('waits for connections, queues and processes at once, awaiting and blocked', async () => {
  const { stdout, stderr, exitCode } = await runProgram(new URL('./fixtures/wait.ts', import.meta.url))
  expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'all came\n', stderr: '', exitCode: 0 })
})
