import { MultiprocError } from './errors/base.ts'
import type { ErrorCode } from './errors/codes.ts'

/** How long a call waits. */
export interface WaitOptions {
  /** Milliseconds; 0 tries once; none waits for ever. */
  readonly timeout?: number | undefined
  /** Aborting it ends the wait with an `AbortError`; nothing was taken, put or changed. */
  readonly signal?: AbortSignal | undefined
}

export interface SyncWaitOptions {
  /** Milliseconds; 0 tries once; none waits for ever. */
  readonly timeout?: number | undefined
}

const noOptions: Readonly<WaitOptions> = Object.freeze({})
const waitKeys = ['timeout', 'signal'] as const
const syncWaitKeys = ['timeout'] as const

/** Option names of Python's that are not ours spelled differently, and what to use. */
const pythonOptions: Readonly<Record<string, string>> = {
  block: 'use `timeout: 0` to try once',
  blocking: 'use `timeout: 0` to try once',
  kwds: 'use kwargs',
  ctx: 'use `method`, or getContext()',
  context: 'use `method`, or getContext()',
  mp_context: 'use `method`, or getContext()',
  func: 'use the first argument',
  iterable: 'use the second argument',
  family: 'leave it out: it is told by the address',
  typecode_or_type: 'use the first argument',
}

/** A `TypeError` with `ERR_MULTIPROC_ARG_TYPE`. `name` is the call and the argument: `` `lock.acquire()`: options.timeout ``. */
export function argumentType(name: string, expected: string, got: unknown): TypeError & { code: ErrorCode } {
  const hint = typeof got === 'function' && !/function|class/.test(expected) ? '; did you forget to call it?' : '.'
  return coded(new TypeError(`${name} must be ${expected}; got ${show(got)}${hint}`), 'ERR_MULTIPROC_ARG_TYPE')
}

/** A `RangeError` with `ERR_MULTIPROC_ARG_VALUE`. */
export function argumentValue(name: string, expected: string, got: unknown): RangeError & { code: ErrorCode } {
  return coded(new RangeError(`${name} must be ${expected}; got ${show(got)}.`), 'ERR_MULTIPROC_ARG_VALUE')
}

/** A `TypeError` with `ERR_MULTIPROC_UNKNOWN_OPTION` that names ours for a spelling of Python's. */
export function unknownOption(call: string, key: string, allowed: readonly string[]): TypeError & { code: ErrorCode } {
  const plain = (name: string) => name.replaceAll('_', '').toLowerCase()
  const ours = allowed.find((name) => plain(name) === plain(key))
  const advice = ours ? `use ${ours}` : Object.hasOwn(pythonOptions, key) ? pythonOptions[key] : undefined
  const known = allowed.length === 0 ? 'it takes none' : `it knows ${allowed.join(', ')}`
  return coded(new TypeError(`${call} has no option ${show(key)}: ${advice ?? known}.`), 'ERR_MULTIPROC_UNKNOWN_OPTION')
}

/** Throws unless `options` is undefined or an object with no keys but the `allowed` ones (a key set to undefined is none). */
export function checkOptions(call: string, options: unknown, allowed: readonly string[]): void {
  if (options === undefined) return
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw argumentType(`${call}: options`, 'an object', options)
  }
  for (const key of Object.keys(options)) {
    if (!allowed.includes(key) && (options as Record<string, unknown>)[key] !== undefined) throw unknownOption(call, key, allowed)
  }
}

/**
 * Checks the options of a call that waits, before any side effect. `more` are the call's own options beside these two.
 * Costs nothing when there are none.
 */
export function checkWaitOptions(call: string, options: unknown, more: readonly string[] = []): Readonly<WaitOptions> {
  if (options === undefined) return noOptions
  checkWait(call, options, more.length === 0 ? waitKeys : [...waitKeys, ...more])
  const { signal } = options as WaitOptions
  if (signal !== undefined && typeof (signal as { aborted?: unknown } | null)?.aborted !== 'boolean') {
    throw argumentType(`${call}: options.signal`, 'an AbortSignal', signal)
  }
  return options as WaitOptions
}

/** The same for the `*Sync` twin, which takes no signal: nothing could abort it while its thread is blocked. */
export function checkSyncWaitOptions(call: string, options: unknown, more: readonly string[] = []): Readonly<SyncWaitOptions> {
  if (options === undefined) return noOptions
  checkWait(call, options, more.length === 0 ? syncWaitKeys : [...syncWaitKeys, ...more])
  return options as SyncWaitOptions
}

function checkWait(call: string, options: unknown, allowed: readonly string[]): void {
  if (typeof options === 'number') {
    throw argumentType(`${call}: options`, `an object: write { timeout: ${options === 0 ? 0 : 1000} }, in milliseconds`, options)
  }
  checkOptions(call, options, allowed)
  const { timeout } = options as WaitOptions
  if (timeout === undefined) return
  if (typeof timeout !== 'number') throw argumentType(`${call}: options.timeout`, 'a number of milliseconds', timeout)
  if (!(timeout >= 0)) throw argumentValue(`${call}: options.timeout`, '0 (try once) or more milliseconds', timeout)
}

/** A value as an error text shows it: short, on one line, never calling code of the user's. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'symbol') return String(value)
  if (typeof value === 'function') return 'a function'
  if (Object.is(value, -0)) return '-0'
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? 'an array' : 'an object'
}

function coded<E extends Error>(error: E, code: ErrorCode): E & { code: ErrorCode } {
  return Object.assign(error, { code })
}

/** The error of a handle that was used after its `close()`. */
export function closedError(call: string): MultiprocError {
  return new MultiprocError('ERR_MULTIPROC_CLOSED', `${call} failed: this handle was closed. Close it after its last use.`)
}
