import { MultiprocError } from '@multiproc/core'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Authenticator } from '../../src/wire/auth.ts'
import { FrameReader } from '../../src/wire/frame.ts'

/** More with FUZZ_RUNS=1000000. */
const numRuns = Number(process.env.FUZZ_RUNS ?? 2000)
const bytes = fc.uint8Array({ maxLength: 80 })
const headed = fc.tuple(fc.constantFrom('00000000', '00000003', '00000040', '7fffffff', 'ffffffff', '80000000', 'ffffffff00000000'), bytes)

it('takes any bytes for frames or for an error, and holds no more than came', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(bytes, headed.map(([hex, rest]) => Buffer.concat([Buffer.from(hex, 'hex'), rest]))), { maxLength: 6 }), (chunks) => {
      const reader = new FrameReader(64)
      let came = 0
      let given = 0
      try {
        for (let chunk of chunks as Uint8Array[]) {
          came += chunk.length
          while (chunk.length > 0) {
            const { used, frame } = reader.take(chunk)
            expect(used).toBeGreaterThan(0)
            given += frame?.length ?? 0
            chunk = chunk.subarray(used)
          }
        }
      } catch (error) {
        if (!(error instanceof MultiprocError)) throw error
        expect(['ERR_MULTIPROC_BAD_FRAME', 'ERR_MULTIPROC_TOO_LARGE']).toContain(error.code)
      }
      expect(given).toBeLessThanOrEqual(came)
    }),
    { numRuns },
  )
})

it('is convinced by nobody without the key, whatever he sends', () => {
  const prefixed = fc.tuple(fc.constantFrom('', '#CHALLENGE#', '{sha256}', '#CHALLENGE#{sha256}', '#CHALLENGE#{md5}', '#WELCOME#'), bytes)
  fc.assert(
    fc.property(fc.array(prefixed.map(([text, rest]) => Buffer.concat([Buffer.from(text), rest])), { maxLength: 4 }), (frames) => {
      const mine = new Authenticator(Buffer.from('secret'), ['sha256', 'md5'])
      mine.challenge()
      for (const frame of frames) {
        expect(String(mine.verdict(frame))).toBe('#FAILURE#')
        try {
          mine.answer(frame)
        } catch (error) {
          if (!(error instanceof MultiprocError && error.code === 'ERR_MULTIPROC_AUTH')) throw error
        }
      }
    }),
    { numRuns },
  )
})
