import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Barrier, BoundedSemaphore, Condition, Event, Lock, RLock, Semaphore } from '../../src/index.ts'

const code = (code: string): Error => expect.objectContaining({ code: `ERR_MULTIPROC_${code}` }) as Error
let folder: string

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'names-')), 'own')
  process.env.MULTIPROC_NAMES = folder
})
afterEach(() => {
  rmSync(join(folder, '..'), { recursive: true, force: true })
  delete process.env.MULTIPROC_NAMES
})

describe('a name', () => {
  it('makes one lock of two handles, and is gone with the last of them', () => {
    const [first, second] = [new Lock({ name: 'one' }), new Lock({ name: 'one' })]
    first.acquireSync()
    expect([second.locked(), second.tryAcquire()]).toEqual([true, false])
    expect([readdirSync(folder), statSync(folder).mode & 0o777, statSync(join(folder, 'one')).mode & 0o777]).toEqual([['one'], 0o700, 0o600])
    first.close()
    expect(second.locked()).toBe(true)
    second.close()
    expect(existsSync(folder)).toBe(false)
    using again = new Lock({ name: 'one' })
    expect(again.tryAcquire()).toBe(true)
  })

  it('is taken by every primitive', async () => {
    using lock = new RLock({ name: 'r' })
    using semaphore = new BoundedSemaphore(2, { name: 's' })
    using event = new Event({ name: 'e' })
    using barrier = new Barrier(2, { name: 'b' })
    using condition = new Condition(undefined, { name: 'c' })
    expect(readdirSync(folder).sort()).toEqual(['b', 'c', 'c~lock', 'e', 'r', 's'])
    await lock.runExclusive(() => lock.runExclusive(() => {}))
    using _permit = await semaphore.hold()
    expect(semaphore.getValue()).toBe(1)
    const told = event.wait()
    new Event({ name: 'e' }).set()
    expect(await told).toBe(true)
    expect(await Promise.all([barrier.wait(), barrier.wait()])).toEqual([0, 1])
    const woken = condition.runExclusive(() => condition.wait())
    await condition.runExclusive(() => condition.notify())
    expect(await woken).toBe(true)
  })

  it('can be asked for only if it is there, or is not', () => {
    expect(() => new Lock({ name: 'x', create: false })).toThrow(code('NOT_FOUND'))
    expect(existsSync(folder)).toBe(false)
    using _lock = new Lock({ name: 'x', create: 'exclusive' })
    expect(() => new Lock({ name: 'x', create: 'exclusive' })).toThrow(code('EXISTS'))
    new Lock({ name: 'x', create: false }).close()
    expect(() => new Lock({ create: false })).toThrow(code('ARG_VALUE'))
    expect(() => new Lock({ name: 'y', create: 1 as never })).toThrow(code('ARG_VALUE'))
  })

  it('is refused to another class, and to other parameters', () => {
    using _semaphore = new Semaphore(2, { name: 'x' })
    using _lock = new Lock({ name: 'l', onAbandoned: 'throw' })
    using _barrier = new Barrier(2, { name: 'b' })
    for (const other of [() => new Lock({ name: 'x' }), () => new Semaphore(3, { name: 'x' }), () => new BoundedSemaphore(2, { name: 'x' })]) expect(other).toThrow(code('EXISTS'))
    expect(() => new RLock({ name: 'l' })).toThrow(code('EXISTS'))
    expect(() => new Lock({ name: 'l', onAbandoned: 'take' })).toThrow(code('EXISTS'))
    expect(() => new Barrier(3, { name: 'b' })).toThrow(code('EXISTS'))
    new Semaphore(undefined, { name: 'x' }).close()
    new Lock({ name: 'l' }).close()
  })

  it.each(['', '.', '..', '../x', 'a/b', '.hidden', 'a\0b', 'ä', 'a b', 'x'.repeat(101), 'c~lock', '-x'])('is refused: %j', (name) => {
    expect(() => new Lock({ name })).toThrow(code('ARG_VALUE'))
    expect(() => new Lock({ name: 1 as never })).toThrow(code('ARG_TYPE'))
    expect(existsSync(folder)).toBe(false)
  })

  it('is refused where others could touch it', () => {
    mkdirSync(folder, { mode: 0o755 })
    chmodSync(folder, 0o755)
    expect(() => new Lock({ name: 'x' })).toThrow(code('FOREIGN'))
    chmodSync(folder, 0o700)
    symlinkSync('/etc/passwd', join(folder, 'x'))
    mkdirSync(join(folder, 'folder'))
    writeFileSync(join(folder, 'open'), '', { mode: 0o644 })
    chmodSync(join(folder, 'open'), 0o644)
    for (const name of ['x', 'folder', 'open']) expect(() => new Lock({ name })).toThrow(code('FOREIGN'))
    rmSync(folder, { recursive: true })
    symlinkSync(tmpdir(), folder)
    expect(() => new Lock({ name: 'x' })).toThrow(code('FOREIGN'))
  })

  it('takes over a file that says nothing, and removes those that nobody uses', () => {
    mkdirSync(folder, { mode: 0o700 })
    for (const name of ['x', 'left']) writeFileSync(join(folder, name), 'no header', { mode: 0o600 })
    using lock = new Lock({ name: 'x' })
    expect(lock.tryAcquire()).toBe(true)
    using _other = new Lock({ name: 'y' })
    expect(readdirSync(folder).sort()).toEqual(['x', 'y'])
  })
})
