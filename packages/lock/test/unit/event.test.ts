import { Event } from '@multiproc/lock'
import { expect, it } from 'vitest'

it('is set, waited for and cleared', async () => {
  using event = new Event()
  expect(event.isSet()).toBe(false)
  expect(await event.wait({ timeout: 0 })).toBe(false)
  expect(event.waitSync({ timeout: 2 })).toBe(false)
  event.set()
  event.set()
  expect([event.isSet(), event.waitSync(), await event.wait()]).toEqual([true, true, true])
  event.clear()
  expect(event.isSet()).toBe(false)
})

it('ends every pending wait, although it is cleared at once', async () => {
  using event = new Event()
  const waits = Array.from({ length: 80 }, () => event.wait())
  event.set()
  event.clear()
  expect(new Set(await Promise.all(waits))).toEqual(new Set([true]))
})

it('aborts a wait, and rejects it when its handle is closed', async () => {
  const event = new Event()
  const controller = new AbortController()
  const aborted = event.wait({ signal: controller.signal })
  const closed = event.wait()
  controller.abort()
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' })
  event.close()
  await expect(closed).rejects.toMatchObject({ code: 'ERR_MULTIPROC_CLOSED' })
  await expect(event.wait()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_CLOSED' })
})
