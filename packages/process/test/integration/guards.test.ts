import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { by, facts, fixture, methods, runProgram } from './run.ts'

it('refuses to start from a bundle, which lacks the file that a child runs, and says what to do', async () => {
  const { code, message } = await facts('guards/bundled.mjs')
  expect(code).toBe('ERR_MULTIPROC_UNSUPPORTED')
  expect(message).toContain('external')
})

describe.each(methods)('a program that would start itself for ever by %s', (method) => {
  it('by starting a process while a module is loaded: its first child refuses', async () => {
    const { code, exitCode, stdout, stderr } = await facts('guards/bootstrap.mjs', by(method))
    expect({ code, exitCode }).toEqual({ code: 'ERR_MULTIPROC_BOOTSTRAP', exitCode: 1 })
    expect(stdout).toHaveLength(2)
    expect(stderr).toContain('is still loading the modules')
  })

  it('by nesting: ends at MULTIPROC_MAX_DEPTH, whatever env its children are given', async () => {
    const { n, code, message, stdout } = await facts('guards/depth.mjs', { env: { TEST_METHOD: method, MULTIPROC_MAX_DEPTH: '3' } })
    expect({ n, code }).toEqual({ n: 3, code: 'ERR_MULTIPROC_DEPTH' })
    expect(message).toContain('MULTIPROC_MAX_DEPTH is 3')
    expect(stdout).toEqual(['depth 0', 'depth 1', 'depth 2', 'depth 3'])
  })

  it('by nesting and spreading: ends at MULTIPROC_MAX_PROCESSES', async () => {
    const { count, code } = await facts('guards/fan-out.mjs', { env: { TEST_METHOD: method, MULTIPROC_MAX_PROCESSES: '8', MULTIPROC_MAX_DEPTH: '3' } })
    expect(code).toBe('ERR_MULTIPROC_PROCESS_LIMIT')
    expect(count).toBeLessThanOrEqual(1 + 3 + 9 + 27)
  })

  it('is told the limit, and may start again once a process has ended', async () => {
    expect(await facts('guards/limit.mjs', { env: { TEST_METHOD: method, MULTIPROC_MAX_PROCESSES: '4' } })).toMatchObject({ started: 4, code: 'ERR_MULTIPROC_PROCESS_LIMIT', limit: 4, again: 1 })
  })

  it('by a getter of an argument that calls start() again: is refused', async () => {
    const { inner, value } = await facts('guards/start-in-getter.mjs', by(method))
    expect({ inner, value }).toEqual({ inner: 'ERR_MULTIPROC_ALREADY_STARTED', value: 1 })
  })
})

describe('a program that would start itself for ever', () => {
  it('by node -e: the child runs its target, not the program again', async () => {
    const code = readFileSync(fixture('guards/preload.mjs'), 'utf8')
    const cwd = new URL('../..', import.meta.url).pathname
    const { stdout } = await runProgram(fixture('guards/program.mjs'), { execArgv: ['--input-type=module', '-e', code], cwd })
    expect(stdout).toBe('preloaded\n{"value":"fine"}\n')
  })

  it('by an executable that always runs its own program: the second one refuses', async () => {
    const { stdout } = await runProgram(fixture('guards/own-executable.mjs'))
    expect(stdout.trim().split('\n')).toEqual(['run', 'run', 'ERR_MULTIPROC_BOOTSTRAP', 'exit 0'])
  })

  it('by a preloaded module: knows that it is in a child', async () => {
    const { stdout } = await runProgram(fixture('guards/program.mjs'), { execArgv: ['--import', fixture('guards/preload.mjs').href] })
    expect(stdout.trim().split('\n').sort()).toEqual(['preloaded', 'preloaded', 'program', '{"refused":"ERR_MULTIPROC_BOOTSTRAP"}', '{"value":"fine"}'])
  })
})
