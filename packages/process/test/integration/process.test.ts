import { describe, expect, it } from 'vitest'
import { by, facts, methods } from './run.ts'

describe.each(methods)('a child started by %s', (method) => {
  it('knows its name, parent, key and arguments, and nests', async () => {
    const { before, started, after, main, facts: child, worker, shown, idents } = await facts('identity.mjs', { args: ['--flag', 'x y'], ...by(method) })
    expect(idents).toBe(true)
    expect(before).toEqual({ pid: null, alive: false, exitCode: null })
    expect(started).toEqual({ pid: 'number', alive: true, exitCode: null })
    expect(after).toEqual({ alive: false, exitCode: 0, signalCode: null })
    expect(main).toMatchObject({ name: 'MainProcess', isMainProcess: true, parent: null, pid: true, authKey: expect.stringMatching(/^[0-9a-f]{64}$/) })
    const inside = { isMainProcess: false, pidIsMine: true, alive: true, exitCode: null, daemon: false, authKey: main.authKey, argv: ['--flag', 'x y'], parentEnds: false }
    expect(child).toMatchObject({ ...inside, name: 'Process-1', parent: { name: 'MainProcess', isMine: true, alive: true } })
    expect(child.grandchild).toMatchObject({ ...inside, name: 'Process-1:1', parent: { name: 'Process-1', isMine: true, alive: true } })
    expect(worker).toEqual({ name: 'worker', authKey: main.authKey })
    expect(shown).toMatch(/^<Process 'worker' pid=\d+ ended exitCode=0>$/)
  })

  it('runs functions and subclasses of one file without a main guard, as copies', async () => {
    expect(await facts('by-value.mjs', by(method))).toMatchObject({
      closure: 'hello you 5',
      arrow: [1, 2],
      changed: 6,
      here: 5,
      instance: 8,
      kwargs: [1, 2],
      crawler: { name: 'crawler', seen: ['b', 'd'], done: 3 },
      urlsHere: ['/a/b', '/c/d'],
      sum: 6,
      none: 'undefined',
      stdout: [],
      stderr: '',
    })
  })

  it('returns results of any size, also while its parent is blocked in joinSync', async () => {
    expect(await facts('large.mjs', by(method))).toMatchObject({ 0: [0, true, 0], 1: [1, true, 0], 65536: [65_536, true, 0], 67108864: [67_108_864, true, 0], argument: 33_554_432 })
  })

  it('leaves no descriptor behind in 100 starts that nobody closed', async () => {
    const { before, after } = await facts('descriptors.mjs', { timeoutMs: 170_000, ...by(method) })
    expect(after).toBe(before)
  }, 180_000)
})

describe('a child process', () => {
  it('gives streams, environment, folder and Node options as asked', async () => {
    const { out, err, mixed, inherited, surroundings, stdout } = await facts('streams.mjs')
    expect([out, err]).toEqual(['HELLO\n', 'warned\n'])
    expect(mixed).toEqual([null, 'only this\n', null])
    expect(inherited).toEqual([null, null])
    expect(stdout).toEqual(['LINE FROM THE CHILD'])
    expect(surroundings).toEqual({ a: '1', cwd: '/', execArgv: ['--max-old-space-size=200'], nodeOptions: '--no-warnings' })
  })

  it('loads nothing native unless it is a daemon or is given a handle', async () => {
    const { stdout: _, ...loads } = await facts('loads-little.mjs')
    expect(loads).toMatchObject({ 0: false, 1: true })
  })

  it('works from worker threads, and a thread blocked in joinSync can be terminated', async () => {
    expect(await facts('in-worker.mjs')).toMatchObject({ child: { value: 2, isMainProcess: true }, terminated: true })
  })
})
