import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runProgram } from '@multiproc/testing'

async function run(name: string, ...args: string[]) {
  const { stdout, stderr, exitCode } = await runProgram(new URL(`../fixtures/${name}.ts`, import.meta.url), { args })
  return { lines: stdout.trimEnd().split('\n'), stdout, stderr, exitCode }
}

/** False for a zombie, too, which waits for init. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

describe('a manager', () => {
  it('runs the classic program: a dict with three kinds of keys and a reversed list', async () => {
    const { stdout, stderr, exitCode } = await run('classic')
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    expect(stdout.replaceAll(/\s+/g, ' ')).toMatch(
      /^DictProxy\(3\) \{ 1 => '1', '2' => 2, 0\.25 => null \} ListProxy \[ 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 \] <DictProxy of pid \d+: server gone> $/,
    )
  })

  it('shares objects of each type with a child, at any depth, and refuses what it must', async () => {
    const { lines, stderr, exitCode } = await run('everything')
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    expect(JSON.parse(lines.at(-1)!)).toEqual({
      inChild: { sync: 1, iterated: ['parent', 'child'], field: 5, value: 2 },
      mode: 'rate 5',
      copied: { rate: 5, mode: 'rate 5' },
      counter: 2,
      tags: ['parent', 'child'],
      dict: [['n', 11], ['sync', 1]],
      same: [true, false, false],
      names: 'ab',
      shown: [
        "NamespaceProxy { rate: 5, mode: 'rate 5' }", 'ValueProxy 2', "SetProxy(2) { 'parent', 'child' }",
        "ListProxy [ DictProxy(2) { 'n' => 11, 'sync' => 1 } ]", 'DictProxy(0) {}', 'ListProxy []',
      ],
      pids: ['number', true],
      refused: {
        option: 'ERR_MULTIPROC_UNKNOWN_OPTION', timeout: 'ERR_MULTIPROC_ARG_VALUE', list: 'ERR_MULTIPROC_ARG_TYPE', dict: 'ERR_MULTIPROC_ARG_TYPE',
        init: 'ERR_MULTIPROC_NOT_SENDABLE', manager: 'ERR_MULTIPROC_NOT_SENDABLE', method: expect.stringContaining('not a function'),
      },
    })
  })

  it('shows proxies without throwing, hanging, or blocking for longer than a moment', async () => {
    const { lines, stderr } = await run('shown')
    expect({ lines, stderr }).toEqual({
      lines: [
        "DictProxy(1) { 'a' => 1 }",
        expect.stringMatching(/^<DictProxy of pid \d+: no answer within 250 ms>$/),
        'true',
        "1 DictProxy(1) { 'a' => 1 }",
        expect.stringMatching(/^<DictProxy of pid \d+>$/),
      ],
      stderr: '',
    })
  })
})

it('serves classes of a program, locks, queues, a pool and shared memory (cpython: _TestMyManager.test_mymanager) (cpython: _TestSharedMemory.test_shared_memory_SharedMemoryManager_basics)', async () => {
  const { lines, stderr, exitCode } = await run('registered')
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
  expect(lines).toEqual([
    '[[5,6,"ada",[0,0,0]],"RangeError: cannot deposit -1","ada"]',
    '[[0,1,2],true,1,"ERR_MULTIPROC_NOT_FOUND"]',
    '[[1,4,9],3]',
    'true',
    'RangeError: no start',
    'ERR_MULTIPROC_SERVER_LOST, no start',
    '[[7,1],2,0]',
    '0',
    'ERR_MULTIPROC_ALREADY_STARTED',
    '300',
  ])
})

it('serves other programs over TCP; one that is killed gives back its lock, and its proxies work in children (cpython: _TestRemoteManager.test_remote)', async () => {
  const { lines, stderr, exitCode } = await run('remote')
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
  expect(lines).toEqual(['[true,"object"]', '[3,5,2]', 'true', '["ERR_MULTIPROC_AUTH"]', '["ERR_MULTIPROC_SERVER_LOST"]'])
})

describe('when the server is killed', () => {
  const lost = /^ServerLostError ERR_MULTIPROC_SERVER_LOST: DictProxy\.\w+\(\) failed: the manager's server \(pid \d+\)/
  const mine = new RegExp(`${lost.source} was ended by SIGKILL`)

  it.each(['async', 'sync', 'at once', 'at once, sync'])('a call of its owner ends (%s)', async (mode) => {
    const { lines, stderr, exitCode } = await run('server-killed', mode)
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    expect(lines).toEqual([expect.stringMatching(mine), expect.stringMatching(mine), expect.stringMatching(/^<DictProxy of pid \d+: server gone>$/), 'ERR_MULTIPROC_SERVER_LOST'])
  })

  it.each(['child', 'child, sync'])('a call of another process ends (%s)', async (mode) => {
    const { lines, stderr, exitCode } = await run('server-killed', mode)
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    expect(lines.slice(0, 2)).toEqual([expect.stringMatching(lost), expect.stringMatching(mine)])
  })
})

it('goes on when clients are killed in the middle of calls', async () => {
  const { lines, stderr, exitCode } = await run('client-killed')
  expect({ lines, stderr, exitCode }).toEqual({ lines: ['true 4'], stderr: '', exitCode: 0 })
})

describe('calls that nobody awaits', () => {
  it('reach the server even if the process exits right after them', async () => {
    expect(await run('unawaited', 'exit')).toMatchObject({ lines: ['5000'], exitCode: 0 })
  })

  it('are an unhandled rejection when they fail and the loop drains', async () => {
    const { lines, stderr, exitCode } = await run('unawaited', 'unhandled')
    expect({ lines, exitCode }).toEqual({ lines: ['the loop drains'], exitCode: 1 })
    expect(stderr.match(/RangeError: nobody asked/g)).not.toBeNull()
    expect(await run('unawaited', 'handler')).toMatchObject({ lines: ['unhandled nobody asked'], exitCode: 0 })
  })

  it('are all that keeps the event loop alive, and the server ends with its owner', async () => {
    const { lines, exitCode } = await run('unawaited', 'idle')
    expect(exitCode).toBe(0)
    const pid = Number(/^nothing keeps it (\d+)$/.exec(lines[0]!)?.[1])
    expect(isRunning(pid)).toBe(false)
  })
})
