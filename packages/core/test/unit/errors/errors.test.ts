import { expect, it } from 'vitest'
import {
  AbortError,
  checkOptions,
  checkSyncWaitOptions,
  checkWaitOptions,
  codes,
  Empty,
  Full,
  markRemote,
  MultiprocError,
  ProcessError,
  remoteInfo,
  TimeoutError,
} from '@multiproc/core'

const caught = (run: () => unknown): Error & { code?: string } => {
  try {
    run()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}

it('gives each class its code, name and place under its base', () => {
  const full = new Full('no room', { details: { limit: 3 } })
  expect(full).toMatchObject({ name: 'Full', code: 'ERR_MULTIPROC_FULL', message: 'no room', details: { limit: 3 } })
  expect(full instanceof MultiprocError).toBe(true)
  expect(full instanceof Empty).toBe(false)
  expect(new TimeoutError('late') instanceof ProcessError).toBe(true)
  expect(String(full)).toBe('Full: no room')
  expect('cause' in full).toBe(false)
})

it('knows the errors of another copy of the package by their brand', () => {
  const foreign = Object.assign(new Error('x'), { [Symbol.for('multiproc.error')]: ['MultiprocError', 'Full'] })
  expect(foreign instanceof Full).toBe(true)
  expect(foreign instanceof MultiprocError).toBe(true)
  expect(foreign instanceof Empty).toBe(false)
})

it("keeps a user's subclass apart from its base", () => {
  class Mine extends MultiprocError {}
  expect(new Full('x') instanceof Mine).toBe(false)
  expect(new Mine('ABORT_ERR', 'x') instanceof Mine).toBe(true)
  for (const value of [null, 5, {}] as unknown[]) expect((value as object) instanceof MultiprocError).toBe(false)
})

it('carries the reason of an abort as cause', () => {
  expect(new AbortError('aborted', { cause: 'why' })).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: 'why' })
})

it('explains every code', () => {
  for (const [code, { when, then }] of Object.entries(codes)) {
    expect(code).toMatch(/^(ERR_MULTIPROC_[A-Z_]+|ABORT_ERR)$/)
    expect(when.length).toBeGreaterThan(20)
    expect(then.length).toBeGreaterThan(10)
  }
})

it('answers a bare number with the options object to write', () => {
  const error = caught(() => checkWaitOptions('`queue.get()`', 500))
  expect(error).toBeInstanceOf(TypeError)
  expect(error.message).toContain('{ timeout: 1000 }')
  expect(error.code).toBe('ERR_MULTIPROC_ARG_TYPE')
})

it('refuses negative, NaN and non-numeric timeouts, and takes 0, Infinity and none', () => {
  for (const timeout of [-1, NaN]) expect(caught(() => checkWaitOptions('x', { timeout }))).toBeInstanceOf(RangeError)
  for (const timeout of ['1', null, {}]) expect(caught(() => checkWaitOptions('x', { timeout }))).toBeInstanceOf(TypeError)
  for (const timeout of [0, 0.5, Infinity, undefined]) expect(checkWaitOptions('x', { timeout })).toEqual({ timeout })
  expect(checkWaitOptions('x', undefined)).toEqual({})
})

it('refuses unknown options by naming the known ones', () => {
  expect(caught(() => checkWaitOptions('`lock.acquire()`', { timeuot: 1 })).message).toBe(
    '`lock.acquire()` has no option "timeuot": it knows timeout, signal.',
  )
  expect(caught(() => checkOptions('x', { a: 1 }, [])).message).toContain('it takes none')
  expect(caught(() => checkOptions('x', [], ['a'])).code).toBe('ERR_MULTIPROC_ARG_TYPE')
})

it("answers Python's spellings with ours", () => {
  expect(caught(() => checkOptions('`new Pool()`', { maxtasksperchild: 1 }, ['maxTasksPerChild'])).message).toContain('use maxTasksPerChild')
  expect(caught(() => checkOptions('x', { error_callback: 1 }, ['errorCallback'])).message).toContain('use errorCallback')
  expect(caught(() => checkWaitOptions('x', { block: false })).message).toContain('timeout: 0')
})

it('refuses a signal in the blocking twin, and something else than a signal anywhere', () => {
  const { signal } = new AbortController()
  expect(caught(() => checkSyncWaitOptions('x', { signal })).code).toBe('ERR_MULTIPROC_UNKNOWN_OPTION')
  expect(caught(() => checkWaitOptions('x', { signal: 5 })).code).toBe('ERR_MULTIPROC_ARG_TYPE')
  expect(checkWaitOptions('x', { signal })).toEqual({ signal })
})

it('joins the stack of the caller to the one of a received error', () => {
  const error = new Error('far away')
  error.stack = 'Error: far away\n    at remote.js:1:1'
  markRemote(error, { pid: 12, processName: 'Process-1', task: 7 })
  expect(remoteInfo(error)).toEqual({ pid: 12, processName: 'Process-1', task: 7 })
  expect(error.stack).toMatch(/remote\.js:1:1\n {4}in process Process-1 \(pid 12, task 7\), awaited\n {4}at .*errors\.test/s)
  expect(remoteInfo(new Error('here'))).toBeUndefined()
  expect(() => markRemote(Object.freeze(new Error('x')), { pid: 1, processName: 'p' })).not.toThrow()
})
