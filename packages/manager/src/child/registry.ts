import { inspect } from 'node:util'
import { argumentValue, MultiprocError } from '@multiproc/core'
import type { FamilyLink } from '../family-link.ts'
import { COPY, DESCRIBE, GET, SHOW } from '../protocol.ts'
import type { ObjectId } from '../protocol.ts'
import { Referent } from '../referent.ts'
import { catalog, makeProxy } from '../types/catalog.ts'
import { isThenable } from '../types/managed-type.ts'
import type { CallContext, ManagedType } from '../types/managed-type.ts'
import { isIterator, iterator } from '../types/registered.ts'

interface Entry {
  /** What it is called; if a client elsewhere made it, that is not its place in the arena. */
  readonly name: ObjectId
  readonly typeName: string
  readonly type: ManagedType
  value: unknown
  readonly referent: Referent
  /** Messages that took it to another machine and clients there that said they have it, less what they let go. */
  abroad: number
  /** It is still being made, or an async call of an object whose calls come one after the other has not ended. */
  busy: Promise<unknown> | undefined
}

/** Uses of a referent in the server that are no reference: the entry itself. */
const OWN_USERS = 1

/** The objects of a server. An object stays as long as somebody refers to it (referent.ts, or a client elsewhere). */
export class Registry {
  readonly #entries = new Map<ObjectId, Entry>()
  /** Names of those that have another one than their place. */
  readonly #names = new Map<ObjectId, ObjectId>()
  readonly #link: FamilyLink
  readonly #types: ReadonlyMap<string, ManagedType>
  /** Objects after the last sweep. */
  #swept = 0

  /** @param types - what users registered. */
  constructor(link: FamilyLink, types: ReadonlyMap<string, ManagedType>) {
    this.#link = link
    this.#types = types
  }

  get size(): number {
    return this.#entries.size
  }

  has(object: ObjectId): boolean {
    return this.#find(object) !== undefined
  }

  /** A promise if making it takes one: calls wait for it. */
  create(object: ObjectId, typeName: string, args: readonly unknown[], referent: Referent): unknown {
    const type = this.#typeOf(typeName)
    if (type === undefined || type === iterator) {
      throw new MultiprocError('ERR_MULTIPROC_NOT_FOUND', `manager.${typeName}() failed: the server knows no such type. Register it before the server starts.`, { details: { type: typeName } })
    }
    const made = type.create(args)
    const entry = this.#add(object, typeName, type, made, referent)
    if (!isThenable(made)) return undefined
    const making = Promise.resolve(made).then(
      (value) => void (entry.value = value),
      (error: unknown) => {
        void this.#drop(entry)
        throw error
      },
    )
    return this.#keepBusy(entry, making)
  }

  /** What the method returns: a promise if it does, or if the object is busy. Throws what it throws. */
  perform(object: ObjectId, method: string, argsOf: () => readonly unknown[], context: CallContext): unknown {
    const entry = this.#find(object)
    if (entry === undefined) {
      throw new MultiprocError('ERR_MULTIPROC_NOT_FOUND', `the call of ${method}() failed: the server has no such object; it could not be made, or nobody had a proxy of it any more.`, { details: { object } })
    }
    if (entry.busy === undefined) return this.#run(entry, method, argsOf, context)
    const run = entry.busy.then(() => this.#run(entry, method, argsOf, context))
    return entry.type.isSerial ? this.#keepBusy(entry, run) : run
  }

  /** A client elsewhere has it so often more, or less. Returns what it is called there. */
  hold(object: ObjectId, change: number): ObjectId | undefined {
    const entry = this.#find(object)
    if (entry === undefined) return undefined
    entry.abroad += change
    if (change < 0) this.check(object)
    return entry.name
  }

  /** For a message from another machine that names an object. */
  find(object: ObjectId, typeName: string): Referent | undefined {
    const entry = this.#find(object)
    return entry?.typeName === typeName ? entry.referent : undefined
  }

  /** Drops an object that nobody refers to any more. */
  check(object: ObjectId): void {
    const entry = this.#find(object)
    if (entry === undefined || entry.abroad > 0 || entry.referent.isReferred(OWN_USERS)) return
    void this.#drop(entry)
  }

  sweep(): void {
    for (const object of [...this.#entries.keys()]) this.check(object)
    this.#swept = this.size
  }

  /** What the client held goes back. */
  clientGone(client: object): void {
    for (const { type, value, busy } of [...this.#entries.values()]) {
      if (type.clientGone !== undefined && (busy === undefined || !type.isSerial) && value !== undefined && !isThenable(value)) type.clientGone(value, client)
    }
    this.sweep()
  }

  /** Resolves when no call is left that holds up others. */
  async idle(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ busy }) => busy))
  }

  /** The server ends: what objects have open is closed. */
  async dispose(): Promise<void> {
    await Promise.allSettled([...this.#entries.values()].map((entry) => this.#drop(entry)))
  }

  #typeOf(name: string): ManagedType | undefined {
    return this.#types.get(name) ?? catalog.get(name)?.type
  }

  #find(object: ObjectId): Entry | undefined {
    return this.#entries.get(object) ?? this.#entries.get(this.#names.get(object) ?? '')
  }

  #add(name: ObjectId, typeName: string, type: ManagedType, value: unknown, referent: Referent): Entry {
    referent.retain()
    const entry: Entry = { name, typeName, type, value, referent, abroad: 0, busy: undefined }
    this.#entries.set(name, entry)
    if (name !== referent.id) this.#names.set(referent.id, name)
    // References that nobody tells about (a process that was killed before its first call) are found in time.
    if (this.size > 2 * this.#swept + 64) this.sweep()
    return entry
  }

  async #drop({ name, type, value, referent }: Entry): Promise<void> {
    this.#entries.delete(name)
    this.#names.delete(referent.id)
    referent.release()
    try {
      if (value !== undefined) await type.dispose?.(value)
    } catch (error) {
      // Nobody waits for it.
      process.emitWarning(`closing a managed object failed: ${inspect(error)}`)
    }
  }

  #run(entry: Entry, method: string, argsOf: () => readonly unknown[], context: CallContext): unknown {
    const { type, typeName, value } = entry
    if (method.startsWith('#')) return this.#runOwn(entry, method, argsOf)
    const run = type.method(value, method)
    if (run === undefined) throw notExposed(typeName, method, type.names(value))
    const result = run(value, context, argsOf())
    if (!isThenable(result)) return this.#result(entry, method, result)
    const ended = Promise.resolve(result).then((result) => this.#result(entry, method, result))
    return type.isSerial ? this.#keepBusy(entry, ended) : ended
  }

  /** What each object can do beside its methods. */
  #runOwn({ type, typeName, value }: Entry, method: string, argsOf: () => readonly unknown[]): unknown {
    switch (method) {
      case COPY:
        if (type.copy !== undefined) return type.copy(value)
        throw new MultiprocError('ERR_MULTIPROC_UNSUPPORTED', `copy() failed: a ${typeName} has no contents to copy. Call its methods.`)
      case SHOW:
        return type.show?.(value) ?? { contents: type.copy?.(value) }
      case DESCRIBE:
        return type.names(value)
      case GET: {
        const [name] = argsOf()
        const found = typeof name === 'string' ? type.field?.(value, name) : undefined
        if (found === undefined) throw notExposed(typeName, String(name), type.names(value))
        return found.value
      }
      default:
        throw notExposed(typeName, method, type.names(value))
    }
  }

  /** What becomes an object of its own: its caller gets a proxy. */
  #result({ type, typeName }: Entry, method: string, result: unknown): unknown {
    const returned = type.returns !== undefined && Object.hasOwn(type.returns, method) ? type.returns[method] : undefined
    if (returned !== undefined && returned !== 'iterator') return this.#adopt(returned, result)
    return (returned === 'iterator' || this.#types.has(typeName)) && isIterator(result) ? this.#adopt('iterator', result) : result
  }

  #adopt(typeName: string, value: unknown): object {
    const type = this.#typeOf(typeName)
    if (type === undefined) throw argumentValue('register(): options.returns', 'types that the manager has', typeName)
    const own = this.#types.has(typeName) || type === iterator ? value : type.create([value])
    const referent = Referent.create()
    this.#add(referent.id, typeName, type, own, referent)
    return makeProxy(typeName, this.#link, referent)
  }

  #keepBusy(entry: Entry, call: Promise<unknown>): Promise<unknown> {
    const ended = call.catch(() => {}).then(() => {
      if (entry.busy === ended) entry.busy = undefined
    })
    entry.busy = ended
    return call
  }
}

function notExposed(typeName: string, method: string, { methods, fields }: ReturnType<ManagedType['names']>): MultiprocError {
  const has = [...methods, ...fields].join(', ')
  return new MultiprocError('ERR_MULTIPROC_NOT_FOUND', `a ${typeName} has no ${JSON.stringify(method)} that clients may reach; it has ${has}.`, { details: { method } })
}
