import { expect, it } from 'vitest'
import { checkDepth, DEFAULT_MAX_DEPTH, maxDepthFrom } from '../../src/depth.ts'

it('nests 10 deep unless the environment says otherwise', () => {
  expect(maxDepthFrom({})).toBe(DEFAULT_MAX_DEPTH)
  expect(maxDepthFrom({ MULTIPROC_MAX_DEPTH: '3' })).toBe(3)
  expect(maxDepthFrom({ MULTIPROC_MAX_DEPTH: 'lots' })).toBe(DEFAULT_MAX_DEPTH)
  expect(maxDepthFrom({ MULTIPROC_MAX_DEPTH: '' })).toBe(DEFAULT_MAX_DEPTH)
})

it('refuses the first process below the limit', () => {
  expect(() => checkDepth(3, 3)).not.toThrow()
  expect(() => checkDepth(4, 3)).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_DEPTH', details: { depth: 4, maxDepth: 3 } }))
})
