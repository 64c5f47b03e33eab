import { describe, expect, it } from 'vitest'
import { by, facts, methods, fixture, gone, isRunning, runProgram, startProgram } from './run.ts'

const processes = ['spawn', 'prefork'] as const

describe.each(methods)('a killed child started by %s', (method) => {
  it('ends with -9 or has given its whole result, whenever it is killed', async () => {
    const { outcomes, blocked, event, whileStopped, below } = await facts('mortal.mjs', by(method))
    expect(outcomes.other).toEqual([])
    expect(outcomes.value + outcomes.killed).toBe(20)
    expect(outcomes.killed).toBeGreaterThan(0)
    if (method === 'thread') return
    expect(blocked).toEqual([true, -9, false])
    expect(event).toEqual([-9, 'SIGKILL'])
    expect(whileStopped).toEqual([false, true])
    await gone(below)
  })
})

describe.each(processes)('a daemon started by %s', (method) => {
  it.each([
    ['loop', 'SIGKILL'],
    ['blocked', 'SIGKILL'],
    ['loop', 'SIGTERM'],
  ] as const)('ends with its parent in state %s that gets %s', async (how, signal) => {
    const program = startProgram(fixture('daemon-parent.mjs'), { args: [how], ...by(method) })
    const [line] = await program.printed(/\{.*\}/)
    if (how === 'blocked') await program.printed('blocked')
    const { daemon } = JSON.parse(line)
    expect(isRunning(daemon)).toBe(true)
    program.kill(signal)
    expect(await program.ended).toMatchObject({ signal })
    await gone(daemon)
  })

  it.each([
    ['end', 0],
    ['exit', 5],
    ['throw', 1],
  ] as const)('is gone when its parent has ended by %s', async (how, exitCode) => {
    const ended = await runProgram(fixture('daemon-parent.mjs'), { args: [how], ...by(method) })
    expect(ended.exitCode).toBe(exitCode)
    expect(isRunning(JSON.parse(ended.stdout).daemon)).toBe(false)
  })

  it('dies with a killed parent also while it computes', async () => {
    const program = startProgram(fixture('daemon-busy.mjs'), by(method))
    const { daemon } = JSON.parse((await program.printed(/\{.*\}/))[0])
    await new Promise((resolve) => setTimeout(resolve, 300))
    program.kill()
    await program.ended
    await gone(daemon)
  })

  it('of a worker thread outlives the thread and dies with the process, also while it computes', async () => {
    const program = startProgram(fixture('daemon-busy.mjs'), { args: ['worker'], ...by(method) })
    const { daemon } = JSON.parse((await program.printed(/\{"daemon.*\}/))[0])
    await program.printed('{"afterWorker":true}')
    program.kill()
    await program.ended
    await gone(daemon)
  })

  it('has no children and hands its state down; pool workers may have them', async () => {
    expect(await facts('daemon-rules.mjs', by(method))).toMatchObject({
      plain: { me: false, inherited: false, value: 1 },
      daemon: { me: true, inherited: true, code: 'ERR_MULTIPROC_DAEMON_CHILD' },
      worker: { me: true, inherited: true, value: 1 },
    })
  })
})

describe.each(processes)('a plain child started by %s', (method) => {
  it('keeps its parent alive until it ends', async () => {
    const { stdout, exitCode } = await runProgram(fixture('survivor.mjs'), { args: ['300'], ...by(method) })
    expect(stdout).toMatch(/^child \d+\nchild runs\nchild ends, orphaned: false, parent alive: true\nparent ends\n$/)
    expect(exitCode).toBe(0)
  })

  it('runs on when its parent is killed, and is told', async () => {
    const program = startProgram(fixture('survivor.mjs'), { args: ['20000'], ...by(method) })
    await program.printed('child runs')
    program.kill()
    const { stdout, signal } = await program.ended
    expect(signal).toBe('SIGKILL')
    expect(stdout).toContain('child ends, orphaned: true, parent alive: false')
  })
})
