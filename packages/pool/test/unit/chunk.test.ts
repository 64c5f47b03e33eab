import { expect, it } from 'vitest'
import { chunkBounds, ChunkSize } from '../../src/chunk.ts'
import { Histogram } from '../../src/histogram.ts'

it('covers all items once, with a quarter of a share first and less towards the end', () => {
  for (const items of [0, 1, 7, 100, 12_345]) {
    const bounds = chunkBounds(items, 2, undefined)
    expect([bounds[0], bounds.at(-1)]).toEqual([0, items])
    const sizes = bounds.slice(1).map((end, n) => end - (bounds[n] as number))
    expect(sizes.every((size, n) => size > 0 && (n === 0 || size <= (sizes[n - 1] as number)))).toBe(true)
    expect(sizes.length).toBeLessThanOrEqual(64)
  }
  expect(chunkBounds(100, 2, undefined)[1]).toBe(13)
  expect(chunkBounds(5, 2, 2)).toEqual([0, 2, 4, 5])
})

it('makes chunks of half a millisecond, and at once smaller ones when an item takes long', () => {
  const size = new ChunkSize(64)
  expect(size.next).toBe(1)
  size.ran(1, 50)
  expect(size.next).toBe(10)
  for (let n = 0; n < 50; n++) size.ran(10, 10)
  expect(size.next).toBe(64)
  size.ran(64, 64 * 1000)
  expect(size.next).toBe(1)
})

it('knows percentiles to an eighth', () => {
  const histogram = new Histogram()
  for (let microseconds = 1; microseconds <= 10_000; microseconds++) histogram.add(microseconds)
  const { count, mean, p50, p99, max } = histogram.summary()
  expect([count, max]).toEqual([10_000, 10])
  expect(mean).toBeCloseTo(5, 1)
  expect(p50).toBeGreaterThanOrEqual(5)
  expect(p50).toBeLessThan(5 * 1.13)
  expect(p99).toBeGreaterThanOrEqual(9.9)
  expect(new Histogram().summary()).toEqual({ count: 0, mean: 0, p50: 0, p90: 0, p99: 0, max: 0 })
})
