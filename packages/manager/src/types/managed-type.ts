/** Of a call that may wait, in the server. */
export interface CallContext {
  /** Whose call it is: what it acquires goes back when this client is gone. The same object for all calls of a client. */
  readonly client: object
  /** Aborted when the caller aborts, dies, or the server ends. */
  readonly signal: AbortSignal
  /** The caller is dead, or its connection has ended. */
  readonly isGone: boolean
}

export type Method = (referent: any, context: CallContext, args: readonly unknown[]) => unknown

/** What the server knows of a type of objects. */
export interface ManagedType<T = any> {
  /** The referent, from the arguments of the client. */
  create(args: readonly unknown[]): T | Promise<T>
  /** All contents, as a value that can be sent; encoded at once, so it may be the referent. */
  copy?(referent: T): unknown
  /** What inspect shows, if that is not the contents. */
  show?(referent: T): { contents: unknown } | { text: string }
  /** The methods that clients may call, and no others. */
  method(referent: T, name: string): Method | undefined
  /** The value of a getter or field that clients may read. */
  field?(referent: T, name: string): { value: unknown } | undefined
  names(referent: T): { methods: readonly string[]; fields: readonly string[] }
  /** An async call of an object holds up its further ones. */
  readonly isSerial: boolean
  /** What these methods return becomes an object of that type, and the caller gets its proxy. */
  readonly returns?: Readonly<Record<string, string>> | undefined
  /** A client has died, or its connection has ended. */
  clientGone?(referent: T, client: object): void
  /** Nobody refers to it any more, or the server ends. */
  dispose?(referent: T): unknown
}

interface BuiltinParts<T> {
  create(...args: any[]): T | Promise<T>
  copy?(referent: T): unknown
  show?(referent: T): { contents: unknown } | { text: string }
  readonly exposed: Readonly<Record<string, (referent: T, ...args: any[]) => unknown>>
  /** Methods that may wait: those need to know whose call it is. */
  readonly waiting?: Readonly<Record<string, (referent: T, context: CallContext, ...args: any[]) => unknown>>
  readonly returns?: Readonly<Record<string, string>>
  clientGone?(referent: T, client: object): void
  dispose?(referent: T): unknown
}

/** A type whose methods are those of two tables: only their own, plain names, nothing inherited, nothing that begins with `_`. */
export function builtin<T>({ create, exposed, waiting = {}, ...rest }: BuiltinParts<T>): ManagedType<T> {
  const methods = new Map<string, Method>()
  for (const [name, run] of Object.entries(exposed)) methods.set(name, (referent: T, _, args) => run(referent, ...args))
  for (const [name, run] of Object.entries(waiting)) methods.set(name, (referent: T, context, args) => run(referent, context, ...args))
  const names = [...methods.keys()]
  return {
    ...rest,
    create: (args) => create(...args),
    method: (_, name) => methods.get(name),
    names: () => ({ methods: names, fields: [] }),
    isSerial: Object.keys(waiting).length === 0,
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (typeof value === 'object' || typeof value === 'function') && typeof (value as { then?: unknown } | null)?.then === 'function'
}
