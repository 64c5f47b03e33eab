import { expect, it } from 'vitest'
import { frameHeader, FrameReader } from '../../../src/wire/frame.ts'

function readAll(reader: FrameReader, chunks: readonly Uint8Array[]): Buffer[] {
  const frames: Buffer[] = []
  for (let chunk of chunks) {
    while (chunk.length > 0) {
      const { used, frame } = reader.take(chunk)
      if (frame) frames.push(frame)
      chunk = chunk.subarray(used)
    }
  }
  return frames
}
const frame = (text: string): Buffer => Buffer.concat([frameHeader(text.length), Buffer.from(text)])

it('finds the same frames wherever the stream is cut, an empty one included', () => {
  const stream = Buffer.concat([frame('one'), frame(''), frame('x'.repeat(300))])
  const longForm = Buffer.concat([Buffer.from('ffffffff0000000000000002', 'hex'), Buffer.from('hi')])
  const all = Buffer.concat([stream, longForm])
  for (const size of [1, 2, 3, 5, 64, all.length]) {
    const chunks = Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.subarray(i * size, (i + 1) * size))
    const reader = new FrameReader(1000)
    expect(readAll(reader, chunks).map(String)).toEqual(['one', '', 'x'.repeat(300), 'hi'])
    expect(reader.isBetweenFrames).toBe(true)
  }
})

it('writes the long header above 2 GiB - 1', () => {
  expect(frameHeader(0x7fff_ffff).toString('hex')).toBe('7fffffff')
  expect(frameHeader(0x8000_0000).toString('hex')).toBe('ffffffff0000000080000000')
})

it('refuses lengths that cannot be, and those above its limit, before anything is allocated', () => {
  const read = (hex: string) => () => new FrameReader(256).take(Buffer.from(hex, 'hex'))
  expect(read('fffffffe')).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_BAD_FRAME' }))
  expect(read('00000101')).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_TOO_LARGE' }))
  expect(read('ffffffff8000000000000000')).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_TOO_LARGE' }))
  expect(read('00000100')()).toEqual({ used: 4 })
})

it('says whether the stream may end here', () => {
  const reader = new FrameReader(256)
  reader.take(Buffer.from('0000', 'hex'))
  expect(reader.isBetweenFrames).toBe(false)
})
