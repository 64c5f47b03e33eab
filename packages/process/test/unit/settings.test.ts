import { describe, expect, it } from 'vitest'
import { checkMethod, checkSettings, type AnySettings } from '../../src/settings.ts'

const refusal = (options: unknown) => {
  try {
    checkSettings(options as AnySettings)
  } catch (error) {
    return error as Error & { code: string }
  }
  throw new Error('was accepted')
}

describe('options of new Process()', () => {
  it('accepts what the documentation shows', () => {
    checkSettings({})
    checkSettings({ target: () => 1, args: [1], kwargs: {}, name: 'a', daemon: true, group: null, env: {}, cwd: '/', execArgv: [], stdio: 'pipe' })
    checkSettings({ stdio: ['ignore', 'pipe', 2], signal: AbortSignal.timeout(1), inspect: true, cpuProf: '/tmp', heapProf: true, method: 'spawn' })
  })

  it.each([
    ['target', 'fn'],
    ['args', {}],
    ['kwargs', []],
    ['kwargs', null],
    ['name', 5],
    ['daemon', 1],
    ['group', {}],
    ['env', 'A=1'],
    ['execArgv', '--no-warnings'],
    ['stdio', 'pipes'],
    ['stdio', ['pipe']],
    ['signal', {}],
  ])('refuses %s: %j with a TypeError that names it', (key, value) => {
    const error = refusal({ [key]: value })
    expect(error).toBeInstanceOf(TypeError)
    expect(error.code).toBe('ERR_MULTIPROC_ARG_TYPE')
    expect(error.message).toContain(key)
  })

  it('refuses a bare function and says how to write it', () => {
    expect(refusal(() => 1).message).toContain('{ target: fn }')
  })

  it("answers Python's spellings with ours", () => {
    expect(refusal({ Target: () => 1 }).message).toContain('use target')
    expect(refusal({ exec_argv: [] })).toMatchObject({ code: 'ERR_MULTIPROC_UNKNOWN_OPTION', message: expect.stringContaining('use execArgv') })
    expect(refusal({ ctx: 1 }).message).toContain('use `method`')
    expect(refusal({ colour: 1 }).message).toContain('it knows target')
  })

  it('refuses start methods that are none, and names those that are', () => {
    for (const method of ['spawn', 'prefork', 'thread']) checkMethod('m', method)
    expect(() => checkMethod('m', 'fork')).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_ARG_VALUE', message: expect.stringContaining("'spawn', 'prefork' or 'thread'") }))
  })
})
