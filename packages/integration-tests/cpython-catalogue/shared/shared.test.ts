import { Process } from '@multiproc/process'
import { ShareableList, SharedArray, SharedMemory, SharedStruct, SharedValue } from '@multiproc/shared'
import { expect, it } from 'vitest'
import { codeOf } from '../support.ts'

const REFUSED = /ARG_(TYPE|VALUE)/

it('cpython: _TestValue.test_value — what a child sets is seen here', async () => {
  using integer = new SharedValue('i', 0)
  using double = new SharedValue('d', 0)
  using long = new SharedValue('q', 0n)
  const set = (integer: SharedValue<'i'>, double: SharedValue<'d'>, long: SharedValue<'q'>) => {
    integer.value = 5
    double.value = 3.5
    long.value = 2n ** 33n
  }
  await new Process({ target: set, args: [integer, double, long] }).start().join()
  expect([integer.value, double.value, long.value]).toEqual([5, 3.5, 2n ** 33n])
})

it.each([
  ['cpython: _TestValue.test_invalid_typecode — an unknown type is refused', () => new SharedValue('x' as never)],
  ['cpython: _TestArray.test_invalid_typecode — so it is for an array', () => new SharedArray('x' as never, 10)],
])('%s', async (_, make) => expect(await codeOf(make)).toMatch(REFUSED))

it('cpython: _TestArray.test_array — items, parts and length; sums that a child computes in place', async () => {
  using array = new SharedArray('i', [680, 626, 934, 821, 150])
  expect([array.length, array.at(2), [...array.array.subarray(1, 3)]]).toEqual([5, 934, [626, 934]])
  array.array.set([1, 2, 3, 4], 1)
  expect([...array]).toEqual([680, 1, 2, 3, 4])
  const sum = (array: SharedArray<'i'>) => {
    for (let i = 1; i < array.length; i++) array.set(i, array.at(i)! + array.at(i - 1)!)
  }
  await new Process({ target: sum, args: [array] }).start().join()
  expect([...array]).toEqual([680, 681, 683, 686, 690])
})

it('cpython: _TestArray.test_array_from_size — all zero, also in memory that was used before', () => {
  for (let i = 0; i < 3; i++) {
    using array = new SharedArray('i', 50)
    expect([array.length, [...array]]).toEqual([50, Array(50).fill(0)])
    array.array.fill(i + 1)
  }
})

it('cpython: _TestSharedCTypes.test_copy — a copy of a struct is a struct of its own', () => {
  using struct = new SharedStruct({ x: 'i', y: 'd' } as const)
  struct.x = 2
  struct.y = 0.5
  using copy = struct.copy()
  struct.x = 0
  expect([copy.x, copy.y, struct.x]).toEqual([2, 0.5, 0])
})

it('cpython: _TestSharedMemory.test_invalid_shared_memory_creation — no size, 0 or less is refused', async () => {
  for (const size of [-1, 0, undefined]) expect(await codeOf(() => new SharedMemory({ create: true, ...(size !== undefined && { size }) }))).toMatch(REFUSED)
})

it('cpython: _TestSharedMemory.test_shared_memory_name_with_embedded_null — a name with a NUL is refused', async () => {
  expect(await codeOf(() => new SharedMemory({ name: 'a\0b', create: false }))).toMatch(REFUSED)
})

it('cpython: _TestSharedMemory.test_shared_memory_ShareableList_basics — items, errors of index, types that change in place, what is too long refused whole, counted and found', async () => {
  using list = new ShareableList<(string | Uint8Array | number | boolean | null)[]>(['howdy', Buffer.from('HoWdY'), -273.154, 100, null, true, 42])
  expect([list.length, list.at(0), list.at(2), list.at(4), list.at(5), list.indexOf(42), list.count(100)]).toEqual([7, 'howdy', -273.154, null, true, 6, 1])
  list.set(3, 'x')
  list.set(3, 1.5)
  expect([list.at(3), list.at(7)]).toEqual([1.5, undefined])
  const before = [...list]
  expect(await codeOf(() => list.set(0, 'ä'.repeat(8)))).not.toBe(undefined)
  expect(await codeOf(() => list.set(7, 1))).not.toBe(undefined)
  expect([...list]).toEqual(before)
})

it('cpython: hang 21 — trailing zero bytes are refused instead of lost, and long text never reaches its neighbour', async () => {
  using list = new ShareableList<(Uint8Array | string)[]>([Buffer.from('ab'), 'three', 'neighbour'])
  expect(await codeOf(() => list.set(0, Buffer.from('a\0')))).toMatch(REFUSED)
  expect([...(list.at(0) as Uint8Array)]).toEqual([97, 98])
  expect(await codeOf(() => list.set(1, '€€€€€€€€'))).not.toBe(undefined)
  expect([list.at(1), list.at(2)]).toEqual(['three', 'neighbour'])
})
