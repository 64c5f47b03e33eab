import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as multiproc from '../../src/index.ts'

const { dependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { dependencies: Record<string, string> }

/** What only packages built on top need. */
const INTERNAL = ['internals', 'processClass', 'checkLockHasName', 'checkNames', 'rlockBeside']

describe('multiproc', () => {
  it.each(Object.keys(dependencies).filter((name) => !/\/(core|closure)$/.test(name)))('re-exports all that %s exports for programs', async (name) => {
    const part = (await import(name)) as Record<string, unknown>
    for (const [exported, value] of Object.entries(part)) {
      if (INTERNAL.includes(exported)) continue
      expect(multiproc, `${exported} of ${name}`).toHaveProperty(exported, value)
    }
  })

  it('has every error that a program may want to catch', () => {
    const errors = Object.entries(multiproc).filter(([, value]) => typeof value === 'function' && value.prototype instanceof Error)
    expect(errors.map(([name]) => name).sort()).toEqual([
      'AbandonedError', 'AbortError', 'AuthenticationError', 'BrokenBarrierError', 'BufferTooShort', 'EOFError', 'Empty', 'Full',
      'MaybeEncodingError', 'MultiprocError', 'ProcessError', 'ProcessExitError', 'RemoteError', 'ServerLostError', 'ShutDown',
      'TimeoutError', 'WorkerLostError',
    ])
  })
})
