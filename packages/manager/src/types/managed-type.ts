/** What the server knows of a type of objects, and what a client makes a proxy with. */
export interface ManagedType<T = any> {
  /** The referent, from what the client sent as its initial value. */
  create(init: unknown): T
  /** All contents, as a value that can be sent; encoded at once, so it may be the referent. */
  copy(referent: T): unknown
  /** The methods that clients may call, and no others. */
  readonly exposed: Readonly<Record<string, (referent: T, ...args: any[]) => unknown>>
}

/** Only own, plain names are methods: nothing that an object inherits, nothing that begins with `_`. */
export function methodOf(type: ManagedType, name: string): ((referent: any, ...args: unknown[]) => unknown) | undefined {
  return !name.startsWith('_') && Object.hasOwn(type.exposed, name) ? type.exposed[name] : undefined
}
