import { closeSync, openSync } from 'node:fs'
import { afterAll, expect, it } from 'vitest'
import { Arena } from '../../../src/arena/arena.ts'
import { CHUNK_BYTES, GRAIN_BYTES, H_BACKEND, H_VERSION, LAYOUT_VERSION, MAX_ARENA_BYTES } from '../../../src/arena/layout.ts'
import { os } from '../../../src/os/recommended.ts'

const arena = Arena.create(os())
const other = Arena.join(os(), { fd: arena.fd, layout: LAYOUT_VERSION })
afterAll(() => os().closeFd(arena.fd))

it('grows by whole chunks and shows each member the same bytes', () => {
  expect(arena.size).toBe(CHUNK_BYTES)
  arena.ensureSize(CHUNK_BYTES + 1)
  arena.ensureSize(1)
  expect(other.size).toBe(2 * CHUNK_BYTES)
  const region = arena.region(CHUNK_BYTES + 400)
  expect(region.base).toBe(CHUNK_BYTES)
  region.words[(CHUNK_BYTES + 400 - region.base) >> 2] = 77
  expect(other.region(CHUNK_BYTES + 400).words[100]).toBe(77)
  expect(arena.region(2 * CHUNK_BYTES - 1)).toBe(region)
})

it('copies out and in without mapping, also over a border of chunks', () => {
  const bytes = Buffer.alloc(3 * GRAIN_BYTES, 'abc')
  arena.ensureSize(3 * CHUNK_BYTES)
  arena.writeAt(2 * CHUNK_BYTES - GRAIN_BYTES, bytes)
  const read = Buffer.alloc(bytes.length)
  other.readAt(2 * CHUNK_BYTES - GRAIN_BYTES, read)
  expect(read.equals(bytes)).toBe(true)
  expect(other.region(2 * CHUNK_BYTES).bytes[0]).toBe(bytes[GRAIN_BYTES])
})

it('leaves zeros where a range was given back', () => {
  arena.punch(CHUNK_BYTES, GRAIN_BYTES)
  expect(arena.region(CHUNK_BYTES).words[100]).toBe(0)
})

it('refuses to touch what is behind the end, to grow without bound, and to join something else', () => {
  expect(() => arena.region(100 * CHUNK_BYTES)).toThrow(RangeError)
  expect(() => arena.ensureSize(MAX_ARENA_BYTES + 1)).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_NO_MEMORY' }))
  expect(() => Arena.join(os(), { fd: 9999, layout: LAYOUT_VERSION })).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_FOREIGN' }))
  const fd = openSync('/dev/null', 'r')
  expect(() => Arena.join(os(), { fd, layout: LAYOUT_VERSION })).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_FOREIGN' }))
  closeSync(fd)
})

it('refuses a family of another layout or backend', () => {
  const { words } = arena.head
  const before = [words[H_VERSION]!, words[H_BACKEND]!]
  words[H_VERSION] = 99
  expect(() => Arena.join(os(), { fd: arena.fd, layout: LAYOUT_VERSION })).toThrow(/layout 99.*layout 1/)
  words[H_VERSION] = before[0]!
  words[H_BACKEND] = 9
  expect(() => Arena.join(os(), { fd: arena.fd, layout: LAYOUT_VERSION })).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_UNSUPPORTED' }))
  words[H_BACKEND] = before[1]!
})
