import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { by, facts, methods } from './run.ts'

describe.each(methods)('with %s', (method) => {
  it('a process-local value is made once in each process, however often its handle arrives', async () => {
    expect(await facts('local.mjs', by(method))).toMatchObject({
      first: { calls: [1, 2, 3], made: 1 },
      second: { calls: [1, 2], made: 1 },
      here: { made: 1, calls: 100 },
      tries: ['not yet', 2],
      circular: 'ERR_MULTIPROC_DEADLOCK',
      closed: 'ERR_MULTIPROC_CLOSED',
      closedSent: 'ERR_MULTIPROC_CLOSED',
      misuse: 'ERR_MULTIPROC_ARG_TYPE',
    })
  })

  it('starts and ends are published, a process is named for ps, and can be profiled and inspected', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'profiles-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const { events, title, profiles, inspector, stderr } = await facts('observed.mjs', { args: [folder], env: { ...by(method).env, NODE_DEBUG: 'multiproc' } })
    expect(events.slice(0, 4)).toEqual([
      ['start', 'titled', true, method, true],
      ['exit', 'titled', true, method, 0, null],
      ['start', 'killed', true, method, true],
      ['exit', 'killed', true, method, -9, 'SIGKILL'],
    ])
    expect(stderr).toMatch(new RegExp(`MULTIPROC \\d+: titled started by ${method}, pid \\d+\n`))
    expect(stderr).toMatch(/MULTIPROC \d+: killed \(pid \d+\) ended, exit code -9, SIGKILL\n/)
    if (method === 'thread') return
    expect(title).toBe('multiproc titled')
    expect(profiles).toEqual(['cpuprofile', 'heapprofile'])
    expect(inspector).toMatch(/^ws:/)
  })

  it('cpython: _TestProcess.test_lose_target_ref and test_close: targets and processes that nobody needs are collected', async () => {
    expect(await facts('dropped.mjs', { execArgv: ['--expose-gc'], ...by(method) })).toMatchObject({ target: true, closed: true, neverAsked: true })
  })
})
