import { decode, encode } from '@multiproc/core'
import { RLock } from '@multiproc/lock'
import { describe, expect, it } from 'vitest'
import { SharedArray, SharedStruct, SharedValue } from '../../src/index.ts'

const sent = <T>(value: T): T => {
  const message = encode(value)
  const bytes = Buffer.from(message.bytes)
  message.commit()
  return decode(bytes) as T
}
const code = (act: () => unknown): unknown => {
  try {
    act()
  } catch (error) {
    return `${(error as Error).name} ${(error as { code?: string }).code}`
  }
  return 'nothing thrown'
}

describe('SharedValue', () => {
  it.each([
    ['int8', -128, 127], ['uint8', 0, 255], ['int16', -32768, 32767], ['uint16', 0, 65535], ['int32', -(2 ** 31), 2 ** 31 - 1], ['uint32', 0, 2 ** 32 - 1],
    ['bigint64', -(2n ** 63n), 2n ** 63n - 1n], ['biguint64', 0n, 2n ** 64n - 1n],
    ['b', -128, 127], ['B', 0, 255], ['c', 0, 255], ['h', -32768, 32767], ['H', 0, 65535], ['i', -(2 ** 31), 2 ** 31 - 1], ['I', 0, 2 ** 32 - 1],
    ['l', -(2n ** 63n), 2n ** 63n - 1n], ['L', 0n, 2n ** 64n - 1n], ['q', -(2n ** 63n), 2n ** 63n - 1n], ['Q', 0n, 2n ** 64n - 1n],
  ] as const)('holds %s from %s to %s and nothing beyond', (type, min, max) => {
    const one = (typeof min === 'bigint' ? 1n : 1) as never
    using value = new SharedValue(type, min as never)
    const other = sent(value)
    expect(other.value).toBe(min)
    expect(code(() => (value.value = (min as number) - (one as number)))).toBe('RangeError ERR_MULTIPROC_ARG_VALUE')
    value.value = max as never
    expect(code(() => value.add(one))).toBe('RangeError ERR_MULTIPROC_ARG_VALUE')
    expect(code(() => (value.value = (max as number) + (one as number)))).toBe('RangeError ERR_MULTIPROC_ARG_VALUE')
    expect(other.exchange(min as never)).toBe(max)
    expect(other.add(one)).toBe(min)
    expect(value.compareExchange(max as never, max as never)).toBe(other.value)
    expect(value.compareExchange(other.value as never, max as never)).not.toBe(max)
    expect(other.value).toBe(max)
    other.close()
  })

  it.each(['float32', 'float64', 'f', 'd'] as const)('adds and swaps %s', (type) => {
    using value = new SharedValue(type, 1.5)
    expect([value.add(0.25), value.exchange(-0), value.compareExchange(0, NaN), value.compareExchange(NaN, 0.1)]).toEqual([1.5, 1.75, -0, NaN])
    expect(value.value).toBe(type === 'float32' || type === 'f' ? Math.fround(0.1) : 0.1)
    expect(value.compareExchange(0.1, 2)).toBeCloseTo(0.1)
    expect(value.value).toBe(2)
  })

  it('refuses values, types and options that it does not know', () => {
    expect(code(() => new SharedValue('float32', 1e39))).toBe('RangeError ERR_MULTIPROC_ARG_VALUE')
    expect(code(() => new SharedValue('int32', 1.5))).toBe('RangeError ERR_MULTIPROC_ARG_VALUE')
    expect(code(() => new SharedValue('int32', 1n as never))).toBe('TypeError ERR_MULTIPROC_ARG_TYPE')
    expect(code(() => new SharedValue('q', 1 as never))).toBe('TypeError ERR_MULTIPROC_ARG_TYPE')
    expect(code(() => new SharedValue('x' as never))).toBe('TypeError ERR_MULTIPROC_ARG_TYPE')
    expect(code(() => new SharedValue('toString' as never))).toBe('TypeError ERR_MULTIPROC_ARG_TYPE')
    expect(() => new SharedValue('u' as never)).toThrow(/'u'.*ShareableList/)
    expect(code(() => new SharedValue('i', 1, { lok: true } as never))).toBe('TypeError ERR_MULTIPROC_UNKNOWN_OPTION')
    expect(code(() => new SharedValue('i', 1, { lock: 1 } as never))).toBe('TypeError ERR_MULTIPROC_ARG_TYPE')
    expect(code(() => new SharedValue('i', 1, { name: '../x' }))).toBe('RangeError ERR_MULTIPROC_ARG_VALUE')
  })

  it('has one lock for all its copies, or the given one, or none', () => {
    using value = new SharedValue('i')
    using other = sent(value)
    expect(value.lock.tryAcquire()).toBe(true)
    expect(other.lock.locked()).toBe(true)
    other.lock.release()
    using lock = new RLock()
    expect(new SharedValue('i', 0, { lock }).lock).toBe(lock)
    const bare = new SharedValue('i', 0, { lock: false })
    expect(code(() => sent(bare).lock)).toBe('MultiprocError ERR_MULTIPROC_UNSUPPORTED')
  })

  it('is refused after close, and its copies go on', () => {
    const value = new SharedValue('i', 7)
    const other = sent(value)
    value.close()
    value.close()
    for (const use of [() => value.value, () => (value.value = 1), () => value.add(1), () => value.lock, () => encode(value)]) expect(code(use)).toBe('MultiprocError ERR_MULTIPROC_CLOSED')
    expect(other.value).toBe(7)
    other.close()
  })
})

describe('SharedArray', () => {
  it('is seen by its copies in single steps and through its view', () => {
    using array = new SharedArray('int16', [1, 2, 3])
    using other = sent(array)
    array.set(1, -5)
    other.array[2] = 9
    expect([...other]).toEqual([1, -5, 9])
    expect([array.at(-1), array.at(3), array.add(0, 4), array.exchange(0, 8), array.compareExchange(0, 8, 1)]).toEqual([9, undefined, 1, 5, 8])
    expect(array.array).toEqual(Int16Array.of(1, -5, 9))
    expect(array.array.buffer.byteLength).toBe(6)
  })

  it('is all zero when made by size, also where other arrays were', () => {
    for (let round = 0; round < 20; round++) {
      using array = new SharedArray('float64', 500)
      expect(array.array.every((item) => item === 0)).toBe(true)
      array.array.fill(round + 1)
    }
  })

  it('sends its view by reference and refuses other views of it', () => {
    using array = new SharedArray('float64', 4)
    const view = sent({ view: array.array }).view
    view[3] = 2.5
    expect(array.at(3)).toBe(2.5)
    expect(() => encode({ part: array.array.subarray(1) })).toThrow(/part/)
  })

  it('leaves zeros in its views when it is closed, however they were made', () => {
    const array = new SharedArray('uint32', [1, 2, 3, 4])
    const copy = sent(array)
    const { array: view } = array
    const views = [view, view.subarray(2), Buffer.from(view.buffer, 4), new DataView(view.buffer)]
    expect(() => (view.buffer as unknown as { transfer(): void }).transfer()).toThrow(/slice/)
    try {
      structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] })
    } catch {
      // Node 20 copies instead.
    }
    expect(view[0]).toBe(1)
    array.close()
    expect(views.map((each) => Buffer.from(each.buffer, each.byteOffset, each.byteLength).every((byte) => byte === 0))).toEqual([true, true, true, true])
    view[0] = 77
    expect(copy.at(0)).toBe(1)
    copy.close()
  })

  it("has Python's value and raw with type 'c'", () => {
    using array = new SharedArray('c', 8)
    array.value = Buffer.from('hello')
    array.value = Buffer.from('hi')
    expect([Buffer.from(array.value).toString(), Buffer.from(array.raw).toString('latin1')]).toEqual(['hi', 'hi\0lo\0\0\0'])
    array.raw = Buffer.from('12345678')
    expect(Buffer.from(array.value).toString()).toBe('12345678')
    expect(code(() => (array.value = Buffer.alloc(9)))).toBe('RangeError ERR_MULTIPROC_ARG_VALUE')
    expect(code(() => new SharedArray('B', 1).raw)).toBe('TypeError ERR_MULTIPROC_ARG_TYPE')
  })

  it('is as large as wanted', () => {
    using array = new SharedArray('float64', 1_000_000)
    array.set(999_999, 1.5)
    using other = sent(array)
    expect([other.at(999_999), other.array[999_998]]).toEqual([1.5, 0])
    using empty = new SharedArray('i', 0)
    expect([empty.length, empty.array.length, sent(empty).length]).toEqual([0, 0, 0])
  })

  it('refuses places and values out of range, and changes nothing', () => {
    using array = new SharedArray('uint8', [1, 2])
    for (const act of [() => array.set(2, 1), () => array.set(-1, 1), () => array.set(0, 256), () => array.add(1, 254), () => new SharedArray('i', -1), () => new SharedArray('B', [1, 256])]) {
      expect(code(act)).toBe('RangeError ERR_MULTIPROC_ARG_VALUE')
    }
    expect(code(() => new SharedArray('i', undefined as never))).toBe('TypeError ERR_MULTIPROC_ARG_TYPE')
    expect([...array]).toEqual([1, 2])
  })
})

describe('SharedStruct', () => {
  it('has its fields as properties, each of its own type', () => {
    using struct = new SharedStruct({ flag: 'b', count: 'q', x: 'd', y: 'float32' })
    using other = sent(struct)
    struct.flag = -1
    struct.count = 2n ** 40n
    other.x = 0.1
    expect(other.add('count', 1n)).toBe(2n ** 40n)
    expect({ ...struct, fields: 0 }).toEqual({ flag: -1, count: 2n ** 40n + 1n, x: 0.1, y: 0, fields: 0 })
    expect([other.exchange('flag', 5), other.compareExchange('flag', 5, 6), struct.flag]).toEqual([-1, 5, 6])
    expect(code(() => (struct.flag = 128))).toBe('RangeError ERR_MULTIPROC_ARG_VALUE')
  })

  it('copies into a struct of its own', () => {
    using struct = new SharedStruct({ x: 'd' })
    struct.x = 2
    using copy = struct.copy()
    copy.x = 3
    expect([struct.x, copy.x]).toEqual([2, 3])
  })

  it('refuses fields that it cannot have', () => {
    expect(code(() => new SharedStruct({ lock: 'i' }))).toBe('RangeError ERR_MULTIPROC_ARG_VALUE')
    expect(code(() => new SharedStruct({}))).toBe('RangeError ERR_MULTIPROC_ARG_VALUE')
    expect(code(() => new SharedStruct({ x: 'z' as never }))).toBe('TypeError ERR_MULTIPROC_ARG_TYPE')
    expect(code(() => new SharedStruct([] as never))).toBe('TypeError ERR_MULTIPROC_ARG_TYPE')
  })
})
