import { Pipe, wait, waitSync } from '@multiproc/pipe'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Connection } from '@multiproc/pipe'

let pairs: [Connection, Connection][]

beforeEach(() => {
  pairs = [Pipe(), Pipe(), Pipe()]
})
afterEach(() => {
  for (const end of pairs.flat()) end.close()
})
const heres = (): Connection[] => pairs.map(([here]) => here)

it('gives all that are ready, in the order given, and takes nothing', async () => {
  await pairs[2]![1].send('c')
  await pairs[0]![1].send('a')
  expect(await wait(heres())).toEqual([pairs[0]![0], pairs[2]![0]])
  expect(waitSync(heres())).toEqual([pairs[0]![0], pairs[2]![0]])
  expect(await pairs[2]![0].recv()).toBe('c')
})

it('gives none after its timeout, waiting or blocked', async () => {
  expect(await wait(heres(), { timeout: 5 })).toEqual([])
  expect(waitSync(heres(), { timeout: 5 })).toEqual([])
  expect(await wait([], { timeout: 1 })).toEqual([])
})

it('wakes up for a message that comes later, and for an end of file', async () => {
  const waiting = wait(heres())
  setTimeout(() => pairs[1]![1].sendSync('late'), 5)
  expect(await waiting).toEqual([pairs[1]![0]])
  expect(await pairs[1]![0].recv()).toBe('late')
  const ending = wait(heres())
  setTimeout(() => pairs[2]![1].close(), 5)
  expect(await ending).toEqual([pairs[2]![0]])
})

it('is ended by its signal, and by the end of an object that is closed meanwhile', async () => {
  await expect(wait(heres(), { signal: AbortSignal.timeout(5) })).rejects.toMatchObject({ code: 'ABORT_ERR' })
  await expect(wait(heres(), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORT_ERR' })
  pairs[0]![0].close()
  await expect(wait(heres())).rejects.toMatchObject({ code: 'ERR_MULTIPROC_CLOSED' })
})

it('refuses what cannot become ready', async () => {
  await expect(wait([])).rejects.toMatchObject({ code: 'ERR_MULTIPROC_ARG_VALUE' })
  await expect(wait([1 as never])).rejects.toMatchObject({ code: 'ERR_MULTIPROC_ARG_TYPE', message: /objects\[0\]/ })
  expect(() => waitSync(heres(), 5 as never)).toThrow(/timeout/)
  const [reader, writer] = Pipe({ duplex: false })
  await expect(wait([writer])).rejects.toMatchObject({ code: 'ERR_MULTIPROC_UNSUPPORTED' })
  reader.close()
  writer.close()
})
