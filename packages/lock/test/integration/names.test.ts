import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync, openSync, writeSync, closeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, runProgram, startProgram, type Program } from '@multiproc/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Condition, Lock } from '@multiproc/lock'

let folder: string
let names: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'names-'))
  names = join(folder, 'own')
  process.env.MULTIPROC_NAMES = names
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
  delete process.env.MULTIPROC_NAMES
})

const file = new URL('./fixtures/named.ts', import.meta.url)
const start = (role: string, ...args: string[]): Program => startProgram(file, { args: [role, ...args], timeoutMs: 50_000 })
const files = (): string[] => readdirSync(folder).includes('own') ? readdirSync(names).sort() : []
const outcome = async (program: Program): Promise<string> => {
  const { stdout, stderr, exitCode } = await program.ended
  expect(exitCode, stderr).toBe(0)
  return stdout.trim().split('\n').at(-1)!
}

describe('unrelated programs', () => {
  it.each(['hold', 'hold async'])('hand a lock on when its holder is killed: %s', async (how) => {
    const holder = start(how)
    await holder.printed('held')
    const waiters = [start('sync'), start('async')]
    for (const waiter of waiters) await waiter.printed('waits')
    holder.kill()
    expect((await Promise.all(waiters.map(outcome))).sort()).toEqual(['true false', 'true true'])
    await holder.ended
    expect(files()).toEqual([])
  })

  it('hand a lock on when the worker thread that holds it is terminated', async () => {
    const holder = start('hold in a worker')
    await holder.printed('held')
    const waiter = start('sync')
    await waiter.printed('waits')
    holder.kill('SIGUSR2')
    expect(await outcome(waiter)).toBe('true true')
    holder.kill()
    await holder.ended
  })

  it.each(['killed', 'exited'])('tell the next one of a lock whose only user was %s with it, and leave one small file at most', async (how) => {
    const holder = how === 'killed' ? start('hold') : start('hold and exit')
    if (how === 'killed') {
      await holder.printed('held')
      holder.kill()
    }
    await holder.ended
    expect(files()).toEqual(['shared'])
    expect(readFileSync(join(names, 'shared')).length).toBeLessThan(16_384)
    expect(await outcome(start('async'))).toBe('true true')
    expect(files()).toEqual([])
  })

  it('find nothing that must be there where only a killed one was, and keep nothing of it open', async () => {
    const holder = start('hold')
    await holder.printed('held')
    holder.kill()
    await holder.ended
    const isOpen = (): boolean => readdirSync('/proc/self/fd').some((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === join(names, 'shared')
      } catch {
        return false // The one that lists the folder.
      }
    })
    expect(() => new Lock({ name: 'shared', create: false })).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_NOT_FOUND' }) as Error)
    expect(isOpen()).toBe(false)
    expect(await outcome(start('async'))).toBe('true true')
  })

  it('return the owned permit of one that is killed', async () => {
    const holder = start('own a permit')
    await holder.printed('held')
    const waiter = start('permits')
    await waiter.printed('waits')
    holder.kill()
    expect(await outcome(waiter)).toBe('0')
    await holder.ended
  })

  it('wake each other by an event, a barrier and a condition', async () => {
    const told = start('wait for the event')
    await told.printed('waits')
    await outcome(start('set the event'))
    expect(await outcome(told)).toBe('true')
    expect((await Promise.all([start('meet'), start('meet')].map(outcome))).sort()).toEqual(['0', '1'])
    const woken = start('wait for a notification')
    await woken.printed('waits')
    await runProgram(file, { args: ['notify'] })
    expect(await outcome(woken)).toBe('true')
    expect(files()).toEqual([])
  })

  it('break the barrier that a killed one waited at', async () => {
    const [first, second] = [start('meet of three'), start('meet of three')]
    await Promise.all([first.printed('waits'), second.printed('waits')])
    first.kill()
    expect(await outcome(second)).toBe('BrokenBarrierError')
    await first.ended
  })

  it('must give a condition with a name a lock with a name, or each would hold one of its own', () => {
    using lock = new Lock()
    expect(() => new Condition(lock, { name: 'shared' })).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_ARG_VALUE' }) as Error)
    expect(files()).toEqual([])
    using named = new Lock({ name: 'named' })
    using condition = new Condition(named, { name: 'shared' })
    expect(condition.tryAcquire()).toBe(true)
    condition.release()
  })

  it('exclude each other while the files of their locks come and go', async () => {
    const counter = join(folder, 'counter')
    for (const i of [0, 1]) writeFileSync(`${counter}${i}`, '0')
    const ends = await Promise.all([0, 1, 2, 3].map(() => start('count', counter)).map(outcome))
    expect(ends).toEqual(Array(4).fill('counted'))
    expect([0, 1].map((i) => readFileSync(`${counter}${i}`, 'utf8'))).toEqual(['300', '300'])
    expect(files()).toEqual([])
  })

  it.each([
    ['another layout', 0, 'ERR_MULTIPROC_LAYOUT'],
    ['another backend', 8, 'ERR_MULTIPROC_UNSUPPORTED'],
    ['another container', 128, 'ERR_MULTIPROC_FOREIGN'],
  ])('are refused when one has %s', async (_, offset, code) => {
    const holder = start('hold')
    await holder.printed('held')
    const fd = openSync(join(names, 'shared'), 'r+')
    writeSync(fd, Buffer.from([0x77]), 0, 1, offset)
    closeSync(fd)
    expect(() => new Lock({ name: 'shared' })).toThrow(expect.objectContaining({ code }) as Error)
    holder.kill()
    await holder.ended
    await eventually('it can be made anew', () => {
      using lock = new Lock({ name: 'shared' })
      return lock.tryAcquire()
    })
  })
})
