import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { eventually, killMarked, markedProcesses, runProgram, startProgram } from '../../src/index.ts'

const LEAVES_A_CHILD = new URL('../fixtures/leaves-a-child.ts', import.meta.url)

describe('runProgram', () => {
  it('collects what the program printed and how it ended', async () => {
    const outcome = await runProgram(new URL('../fixtures/prints.ts', import.meta.url), { args: ['3'], input: 'in' })
    expect(outcome).toEqual({ stdout: 'out in\n', stderr: 'err\n', exitCode: 3, signal: null })
  })

  it('runs a TypeScript program on a Node that knows no types', async () => {
    const node = join(import.meta.dirname, '../../../integration-tests/node_modules/node-20/bin/node')
    const outcome = await runProgram(new URL('../fixtures/imports.ts', import.meta.url), { node })
    expect(outcome).toMatchObject({ stdout: 'v20 42\n', stderr: '', exitCode: 0 })
  })

  it('kills a program that hangs, and the children it started in their own sessions', async () => {
    const program = startProgram(LEAVES_A_CHILD, { args: ['hang'], timeoutMs: 5000 })
    const pid = Number((await program.printed(/left (\d+)/))[1])
    await expect(program.ended).rejects.toThrow(/did not end within 5000 ms/)
    await eventually('the child is gone', () => !alive(pid))
  })

  it('fails a wait for a line when the program ends without printing it', async () => {
    const program = startProgram(new URL('../fixtures/prints.ts', import.meta.url), { input: '' })
    await expect(program.printed('never')).rejects.toThrow(/ended before it printed never/)
  })
})

describe('the leak check', () => {
  it('finds a child whose parent is gone by its mark', async () => {
    const mark = process.env.MULTIPROC_TEST_MARK!
    await runProgram(LEAVES_A_CHILD)
    expect(markedProcesses(mark).map(({ command }) => command)).toEqual([expect.stringContaining('setInterval')])
    expect(killMarked(mark)).toHaveLength(1)
    await eventually('it is gone', () => markedProcesses(mark).length === 0)
  })
})

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
