import { describe, expect, it } from 'vitest'
import { BYTES, EXTENT, HANDLES } from '../../../src/ring/layout.ts'
import { Ring } from '../../../src/ring/spsc.ts'
import { loneAgent, pop, record, ringAt, ringMemory } from './memory.ts'

describe('Ring', () => {
  it('gives records back in order, with their flags', () => {
    const ring = ringAt(0, 128)
    expect(ring.tryPush(record(5, 1), 5, 0)).toBe(true)
    expect(ring.tryPush(record(8, 2), 8, BYTES | HANDLES)).toBe(true)
    expect(pop(ring)).toEqual({ payload: record(5, 1), flags: 0 })
    expect(pop(ring)).toEqual({ payload: record(8, 2), flags: BYTES | HANDLES })
    expect(pop(ring)).toBeUndefined()
  })

  it('shows the same record again until it is released', () => {
    const ring = ringAt(0, 128)
    ring.tryPush(record(3), 3, 0)
    expect(ring.peek()).toBe(true)
    expect(ring.peek()).toBe(true)
    expect(ring.length).toBe(3)
    ring.release()
    expect(ring.peek()).toBe(false)
  })

  it('carries empty records', () => {
    const ring = ringAt(0, 128)
    for (let i = 0; i < 32; i++) expect(ring.tryPush(record(0), 0, BYTES)).toBe(true)
    expect(ring.tryPush(record(0), 0, BYTES)).toBe(false)
    for (let i = 0; i < 32; i++) expect(pop(ring)).toEqual({ payload: record(0), flags: BYTES })
    expect(ring.isEmpty).toBe(true)
  })

  it('refuses a record that would not fit, changes nothing, and takes it once there is room', () => {
    const ring = ringAt(0, 128)
    for (let i = 0; i < 4; i++) expect(ring.tryPush(record(28, i), 28, 0)).toBe(true)
    expect(ring.hasRoom(0, 0)).toBe(false)
    expect(ring.tryPush(record(28, 4), 28, 0)).toBe(false)
    expect(pop(ring)!.payload).toEqual(record(28, 0))
    expect(ring.hasRoom(28, 0)).toBe(true)
    expect(ring.tryPush(record(28, 4), 28, 0)).toBe(true)
    for (let i = 1; i <= 4; i++) expect(pop(ring)!.payload).toEqual(record(28, i))
  })

  it('starts at the front of the area when the rest of it is too short', () => {
    for (let first = 0; first <= 28; first++) {
      const ring = ringAt(0, 128)
      for (let i = 0; i < 40; i++) {
        const length = i % 2 ? 28 : first
        expect(ring.tryPush(record(length, i), length, 0)).toBe(true)
        expect(pop(ring)!.payload).toEqual(record(length, i))
      }
    }
  })

  it('has room for its longest record whenever it is empty, wherever it stands', () => {
    for (let position = 0; position < 32; position++) {
      const ring = ringAt(position, 128)
      expect(ring.longestPayload).toBe(28)
      expect(ring.tryPush(record(28), 28, 0)).toBe(true)
      expect(pop(ring)!.payload).toEqual(record(28))
    }
  })

  it('goes on over the wrap of its 32-bit positions', () => {
    for (let position = 0x7fff_ffff - 40; position <= 0x7fff_ffff; position++) {
      const ring = ringAt(position, 128)
      for (let i = 0; i < 60; i++) {
        const length = (i * 5) % 29
        expect(ring.tryPush(record(length, i), length, 0)).toBe(true)
        if (i % 2 === 0) continue
        expect(pop(ring)!.payload).toEqual(record(((i - 1) * 5) % 29, i - 1))
        expect(pop(ring)!.payload).toEqual(record(length, i))
      }
    }
  })

  it('holds at most eight records that name an extent', () => {
    const ring = ringAt(0, 1024)
    for (let i = 0; i < 8; i++) expect(ring.tryPush(record(24, i), 24, EXTENT)).toBe(true)
    expect(ring.tryPush(record(24), 24, EXTENT)).toBe(false)
    for (let i = 0; i < 8; i++) expect(pop(ring)).toEqual({ payload: record(24, i), flags: EXTENT })
  })

  it('is found again by a second reader of the memory, and refuses other memory', () => {
    const memory = ringMemory(128)
    const ring = ringAt(0, 128, memory)
    ring.tryPush(record(4), 4, 0)
    const again = new Ring(loneAgent(), memory.words, memory.bytes, 0)
    expect(again.capacity).toBe(32)
    expect(pop(again)!.payload).toEqual(record(4))
    const other = ringMemory(128)
    expect(() => new Ring(loneAgent(), other.words, other.bytes, 0)).toThrow(/no ring/)
  })
})
