import type { ErrorCode } from './codes.ts'

/** On the prototype of each of our errors: its class names, base first. Shared by all copies of this package. */
const brand = Symbol.for('multiproc.error')
/** On each of our classes (not on subclasses of the user's): the name it checks for. */
const brandName = Symbol.for('multiproc.error.name')

export interface ErrorOptions {
  readonly cause?: unknown
  /** What the message names, for programs: the path, the limit, the pid. */
  readonly details?: Readonly<Record<string, unknown>>
}

/**
 * What everything thrown by multiproc is, argument errors (`TypeError`, `RangeError` with a `code`) apart.
 *
 * `instanceof` looks at a brand, so it holds between two copies of the package, and for errors from other processes.
 * The codes are listed in docs/reference/errors.md.
 */
export class MultiprocError extends Error {
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.details = options.details ?? {}
  }

  static override [Symbol.hasInstance](this: Function & { [brandName]?: string }, value: unknown): boolean {
    if (!Object.hasOwn(this, brandName)) return Function.prototype[Symbol.hasInstance].call(this, value)
    return brandsOf(value).includes(this[brandName] as string)
  }
}

/** The names of our classes that `value` is an instance of, base first; empty if it is none of our errors. */
export function brandsOf(value: unknown): readonly string[] {
  const names = typeof value === 'object' && value !== null ? (value as { [brand]?: unknown })[brand] : undefined
  return Array.isArray(names) ? names : []
}

/** Gives one of our classes its name and brand. The name is a literal, because bundlers rename classes. */
export function brandAs(Class: typeof MultiprocError | (new (...args: never[]) => MultiprocError), name: string): void {
  const inherited = brandsOf(Object.getPrototypeOf(Class.prototype))
  Object.defineProperty(Class, brandName, { value: name })
  Object.defineProperty(Class.prototype, brand, { value: Object.freeze([...inherited, name]) })
  Object.defineProperty(Class.prototype, 'name', { value: name, writable: true, configurable: true })
}

brandAs(MultiprocError, 'MultiprocError')
