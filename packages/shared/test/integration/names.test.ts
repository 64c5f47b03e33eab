import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runProgram } from '@multiproc/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { RLock } from '@multiproc/lock'
import { SharedArray, SharedStruct, SharedValue } from '@multiproc/shared'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'names-'))
  process.env.MULTIPROC_NAMES = join(folder, 'own')
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
  delete process.env.MULTIPROC_NAMES
})
const code = (code: string): Error => expect.objectContaining({ code: `ERR_MULTIPROC_${code}` }) as Error

it('gives all handles of one name the same numbers, as the first one was made with', () => {
  using value = new SharedValue('int32', 5, { name: 'v' })
  using again = new SharedValue('int32', 7, { name: 'v' })
  again.add(1)
  expect(value.value).toBe(6)
  using array = new SharedArray('float64', [1, 2, 3], { name: 'a' })
  using same = new SharedArray('float64', 3, { name: 'a', create: false })
  same.set(0, 9)
  expect([...array, array.array[0]]).toEqual([9, 2, 3, 9])
  using struct = new SharedStruct({ x: 'float64', n: 'int8' }, { name: 's' })
  using other = new SharedStruct({ x: 'float64', n: 'int8' }, { name: 's' })
  other.x = 1.5
  expect(struct.x).toBe(1.5)
})

it('has one lock for each name, which goes with it', () => {
  const [value, again] = [new SharedValue('int32', 0, { name: 'v' }), new SharedValue('int32', 0, { name: 'v' })]
  value.lock.acquireSync()
  expect(again.lock.locked()).toBe(true)
  expect(readdirSync(join(folder, 'own')).sort()).toEqual(['v', 'v~lock'])
  value.lock.release()
  value.lock.close()
  again.lock.close()
  value.close()
  again.close()
  expect(existsSync(join(folder, 'own'))).toBe(false)
})

it('refuses another class, type or size, and what is there or is not', () => {
  using _value = new SharedValue('int32', 0, { name: 'v' })
  using _array = new SharedArray('int32', 3, { name: 'a' })
  using _struct = new SharedStruct({ x: 'int8' }, { name: 's' })
  expect(() => new SharedValue('uint32', 0, { name: 'v' })).toThrow(code('EXISTS'))
  expect(() => new SharedArray('int32', 4, { name: 'a' })).toThrow(code('EXISTS'))
  expect(() => new SharedArray('int32', 1, { name: 'v' })).toThrow(code('EXISTS'))
  expect(() => new SharedStruct({ y: 'int8' }, { name: 's' })).toThrow(code('EXISTS'))
  expect(() => new SharedValue('int32', 0, { name: 'v', create: 'exclusive' })).toThrow(code('EXISTS'))
  expect(() => new SharedValue('int32', 0, { name: 'w', create: false })).toThrow(code('NOT_FOUND'))
  expect(() => new SharedValue('int32', 0, { name: 'w', lock: new RLock() })).toThrow(code('ARG_VALUE'))
})

it('is the same memory for another program, in a child too', async () => {
  using value = new SharedValue('int32', 1, { name: 'v' })
  using array = new SharedArray('int32', 2, { name: 'a' })
  const { stdout, stderr } = await runProgram(new URL('./fixtures/named.ts', import.meta.url))
  expect(stdout.trim(), stderr).toBe('11 21')
  expect([value.value, array.at(1)]).toEqual([11, 21])
})
