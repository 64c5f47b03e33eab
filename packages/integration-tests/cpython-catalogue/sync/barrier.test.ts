import { Barrier } from '@multiproc/lock'
import { Pipe, type Connection } from '@multiproc/pipe'
import { Process } from '@multiproc/process'
import { SharedArray } from '@multiproc/shared'
import { describe, expect, it } from 'vitest'
import { codeOf, methods } from '../support.ts'

const BROKEN = 'ERR_MULTIPROC_BROKEN_BARRIER'

describe.each(methods)('by %s', (method) => {
  /** Runs `party` in `n - 1` children and here, blocked; gives what each returned. */
  async function parties<R>(n: number, party: (barrier: Barrier, there: Connection) => R, barrier: Barrier): Promise<{ results: R[]; said: unknown[] }> {
    const [here, there] = Pipe({ duplex: false })
    const children = Array.from({ length: n - 1 }, () => new Process<R, any[]>({ target: party, args: [barrier, there], method }).start())
    const mine = party(barrier, there)
    const results = [mine, ...(await Promise.all(children.map((child) => child.result())))] as R[]
    there.close()
    const said: unknown[] = []
    for await (const one of here) said.push(one)
    here.close()
    return { results, said }
  }

  it('cpython: _TestBarrier.test_barrier — three parties go in lockstep: nobody is a pass ahead', async () => {
    using barrier = new Barrier(3)
    using passed = new SharedArray('int32', 2)
    const lockstep = (barrier: Barrier) => {
      const seen: boolean[] = []
      for (const i of [0, 1]) {
        seen.push(passed.at(i)! < 3)
        passed.add(i, 1)
        barrier.waitSync()
        seen.push(passed.at(i) === 3)
      }
      barrier.waitSync()
      return seen
    }
    const { results } = await parties(3, lockstep, barrier)
    expect(results).toEqual(Array(3).fill([true, true, true, true]))
    expect([barrier.nWaiting, barrier.broken]).toEqual([0, false])
  })

  it('cpython: _TestBarrier.test_wait_return — the numbers of the parties differ, so exactly one is 0', async () => {
    using barrier = new Barrier(3)
    const { results } = await parties(3, (barrier) => barrier.waitSync(), barrier)
    expect(results.sort()).toEqual([0, 1, 2])
    expect(barrier.parties).toBe(3)
  })

  it('cpython: _TestBarrier.test_abort_and_reset — broken by one party, made new while a second barrier holds all back, and works again', async () => {
    using barrier = new Barrier(3)
    using other = new Barrier(3)
    const party = (barrier: Barrier): [string, number, boolean] => {
      let how = 'passed'
      try {
        if (barrier.waitSync() === 1) barrier.abort()
        else barrier.waitSync()
      } catch (error) {
        how = (error as { code: string }).code
      }
      if (other.waitSync() === 1) barrier.reset()
      other.waitSync()
      return [how, barrier.waitSync() >= 0 ? 1 : 0, barrier.broken]
    }
    const { results } = await parties(3, party, barrier)
    expect(results.map(([how]) => how).sort()).toEqual([BROKEN, BROKEN, 'passed'])
    expect(results.map(([, again, broken]) => [again, broken])).toEqual(Array(3).fill([1, false]))
  })

  it('cpython: _TestBarrier.test_default_timeout — a party whose default time is up breaks it for all', async () => {
    using barrier = new Barrier(3, { timeout: 300 })
    const late = (barrier: Barrier): string => {
      try {
        barrier.waitSync()
        return 'passed'
      } catch (error) {
        return (error as { code: string }).code
      }
    }
    const { results } = await parties(2, late, barrier)
    expect([results, barrier.broken]).toEqual([[BROKEN, BROKEN], true])
  })

  it('cpython: _TestBarrier.test_thousand — a thousand passes of five parties stay in order', async () => {
    using barrier = new Barrier(5)
    const run = (barrier: Barrier, there: Connection) => {
      for (let i = 0; i < 200; i++) {
        barrier.waitSync()
        there.sendSync(i)
      }
    }
    const { said } = await parties(5, run, barrier)
    expect(said).toEqual(Array.from({ length: 1000 }, (_, i) => Math.floor(i / 5)))
  })
})

it('cpython: _TestBarrier.test_single_thread — a barrier of one passes at once, again and again', async () => {
  using barrier = new Barrier(1)
  expect([barrier.waitSync(), await barrier.wait()]).toEqual([0, 0])
  expect(await codeOf(() => barrier.waitSync({ timeout: 0 }))).toBe(undefined)
})
