import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Barrier, BrokenBarrierError } from '../../src/index.ts'

describe('Barrier', () => {
  it('lets all parties go when the last one has come, again and again (cpython: _TestBarrier.test_barrier_10)', async () => {
    using barrier = new Barrier(3)
    for (let round = 0; round < 10; round++) {
      const first = [barrier.wait(), barrier.wait()]
      expect(barrier.nWaiting).toBe(2)
      const all = await Promise.all([...first, barrier.wait()])
      expect(all).toEqual([0, 1, 2])
    }
    expect([barrier.parties, barrier.nWaiting, barrier.broken]).toEqual([3, 0, false])
  })

  it('is no barrier for one', async () => {
    using barrier = new Barrier(1)
    expect([await barrier.wait(), barrier.waitSync(), barrier.waitSync({ timeout: 0 })]).toEqual([0, 0, 0])
  })

  it('calls the action once, in the last party, before any goes on (cpython: _TestBarrier.test_action)', async () => {
    const seen: string[] = []
    using barrier = new Barrier(2, { action: async () => (await sleep(5), seen.push('action')) })
    const first = barrier.wait().then(() => seen.push('first'))
    await barrier.wait()
    await first
    expect(seen[0]).toBe('action')
    expect(seen).toHaveLength(2)
  })

  it('is broken by an action that throws, and as new after reset()', async () => {
    let fails = true
    const action = (): void => {
      if (fails) throw new Error('no action')
    }
    using barrier = new Barrier(2, { action })
    const first = barrier.wait()
    await expect(barrier.wait()).rejects.toThrow('no action')
    await expect(first).rejects.toThrow(BrokenBarrierError)
    expect(barrier.broken).toBe(true)
    expect(() => barrier.waitSync()).toThrow(BrokenBarrierError)
    barrier.reset()
    fails = false
    expect(await Promise.all([barrier.wait(), barrier.wait()])).toEqual([0, 1])
  })

  it('is broken by a party whose time is up, its own or the default one (cpython: _TestBarrier.test_timeout)', async () => {
    using barrier = new Barrier(2, { timeout: 10 })
    await expect(barrier.wait()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_BROKEN_BARRIER' })
    barrier.reset()
    expect(() => barrier.waitSync({ timeout: 0 })).toThrow(BrokenBarrierError)
    expect(barrier.broken).toBe(true)
  })

  it('is broken by abort() and by a party that is aborted (cpython: _TestBarrier.test_abort)', async () => {
    using barrier = new Barrier(3)
    const both = [barrier.wait(), barrier.wait()]
    barrier.abort()
    for (const wait of both) await expect(wait).rejects.toThrow(BrokenBarrierError)
    barrier.reset()
    const abort = new AbortController()
    const aborted = barrier.wait({ signal: abort.signal })
    const other = barrier.wait()
    abort.abort()
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError', message: expect.stringContaining('which broke the barrier') })
    await expect(other).rejects.toThrow(BrokenBarrierError)
  })

  it('gives an error to those who wait when it is reset, and is usable at once (cpython: _TestBarrier.test_reset)', async () => {
    using barrier = new Barrier(2)
    const early = barrier.wait()
    barrier.reset()
    const next = [barrier.wait(), barrier.wait()]
    await expect(early).rejects.toThrow(BrokenBarrierError)
    expect(await Promise.all(next)).toEqual([0, 1])
    expect(barrier.broken).toBe(false)
  })

  it('breaks when its handle is closed in a wait or in its action', async () => {
    const waiting = new Barrier(2)
    const early = waiting.wait()
    waiting.close()
    await expect(early).rejects.toMatchObject({ code: 'ERR_MULTIPROC_CLOSED' })
    const acting: Barrier = new Barrier(1, { action: () => acting.close() })
    expect(acting.waitSync()).toBe(0)
    const resetting: Barrier = new Barrier(1, { action: () => resetting.reset() })
    await expect(resetting.wait()).rejects.toThrow(BrokenBarrierError)
    expect(await new Barrier(1).wait()).toBe(0)
  })

  it('refuses what is no number of parties, no action, no timeout', () => {
    expect(() => new Barrier('2' as never)).toThrow(TypeError)
    for (const parties of [0, -1, 1.5, 1023]) expect(() => new Barrier(parties)).toThrow(RangeError)
    expect(() => new Barrier(2, { action: 1 as never })).toThrow(TypeError)
    expect(() => new Barrier(2, { timeout: -1 })).toThrow(RangeError)
  })

  it('has room for three hundred tasks of one thread', async () => {
    using barrier = new Barrier(300)
    const all = await Promise.all(Array.from({ length: 300 }, () => barrier.wait()))
    expect(new Set(all).size).toBe(300)
  })
})
