import { AnyTurn, currentThread, settle, settleSync, WAITABLE, WAITS_ASYNC, WAITS_SYNC, type Waitable } from '@multiproc/core'
import { expect, it } from 'vitest'
import { Event, Semaphore } from '../../src/index.ts'

const any = (objects: Waitable[], kind: 1 | 2): AnyTurn => new AnyTurn(objects.map((each) => each[WAITABLE]('`wait()`', kind)))

it('finds a set event and a free permit ready, and takes nothing', async () => {
  using event = new Event()
  using semaphore = new Semaphore(1)
  event.set()
  const turn = any([event, semaphore], WAITS_SYNC)
  expect(settleSync(currentThread(), turn, Infinity)).toBe(true)
  expect(turn.ready).toEqual([0, 1])
  expect([event.isSet(), semaphore.getValue()]).toEqual([true, 1])
  event.clear()
  semaphore.acquireSync()
  expect(settleSync(currentThread(), any([event, semaphore], WAITS_SYNC), 0)).toBe(false)
  const later = any([event, semaphore], WAITS_ASYNC)
  setTimeout(() => semaphore.release(), 5)
  expect(await settle(currentThread(), later, {})).toBe(true)
  expect(later.ready).toEqual([1])
})

it('ends a wait for one that is closed meanwhile, and refuses a closed one', async () => {
  using other = new Semaphore(0)
  const event = new Event()
  const waiting = settle(currentThread(), any([other, event], WAITS_ASYNC), {})
  event.close()
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_MULTIPROC_CLOSED' })
  expect(() => event[WAITABLE]('`wait()`', WAITS_SYNC)).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_CLOSED' }) as Error)
})
