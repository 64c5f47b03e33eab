import { expect, it } from 'vitest'
import { decode, encode, Full, packThrown, remoteInfo, RemoteError, unpackThrown, type PackedThrown } from '@multiproc/core'

const origin = { pid: 7, processName: 'Process-1' }
const travel = (thrown: unknown) => unpackThrown(decode(Uint8Array.from(encode(packThrown(thrown, origin)).bytes)) as PackedThrown)

it('brings back the original, with its origin and both stacks', () => {
  const error = Object.assign(new RangeError('far', { cause: new Full('why') }), { code: 'E' })
  const back = travel(error) as RangeError
  expect(back).toBeInstanceOf(RangeError)
  expect(back).toMatchObject({ message: 'far', code: 'E' })
  expect(back.cause).toBeInstanceOf(Full)
  expect(back.stack?.startsWith(error.stack as string)).toBe(true)
  expect(back.stack).toContain('in process Process-1 (pid 7), awaited')
  expect(remoteInfo(back)).toEqual(origin)
})

it('brings back what is no error as it is', () => {
  expect([travel('text'), travel(undefined), travel({ a: 1 })]).toEqual(['text', undefined, { a: 1 }])
})

it('falls back to RemoteError for what cannot be sent', () => {
  class Local extends Error {}
  for (const error of [new Local('own class'), Object.assign(new Error('x'), { socket: new WeakMap() }), Object.defineProperty(new Error('x'), 'bad', { enumerable: true, get: () => { throw 1 } })]) {
    const back = travel(error) as RemoteError
    expect(back).toBeInstanceOf(RemoteError)
    expect(back).toMatchObject({ code: 'ERR_MULTIPROC_REMOTE', remoteStack: error.stack })
    expect(back.message).toContain(error.message)
    expect(back.stack).toContain(error.stack)
  }
  expect(travel(Symbol('s'))).toMatchObject({ originalName: 'symbol' })
  expect(travel(() => 1)).toBeInstanceOf(RemoteError)
})

it('falls back to RemoteError, with the reason as cause, for what cannot be rebuilt', () => {
  const packed = packThrown(new Error('x'), origin)
  const back = unpackThrown({ ...packed, whole: Uint8Array.from([0x10, 0xff]) }) as RemoteError
  expect(back).toBeInstanceOf(RemoteError)
  expect(back.cause).toMatchObject({ code: 'ERR_MULTIPROC_BAD_FRAME' })
})
