import { decode, MultiprocError } from '@multiproc/core'
import { COPY } from '../protocol.ts'
import type { Call, Create, ObjectId } from '../protocol.ts'
import type { Referent } from '../referent.ts'
import { managedTypes } from '../types/catalog.ts'
import { methodOf } from '../types/managed-type.ts'

interface Entry {
  readonly type: Create['type']
  readonly value: unknown
  readonly referent: Referent
  /** An async call that has not ended: the next call of this object comes after it. */
  busy: Promise<unknown> | undefined
}

/** Uses of a referent in the server that are no reference: the entry itself. */
const OWN_USERS = 1

/** The objects of a server. An object stays as long as somebody refers to it (referent.ts). */
export class Registry {
  readonly #entries = new Map<ObjectId, Entry>()
  /** Objects after the last sweep. */
  #swept = 0

  get size(): number {
    return this.#entries.size
  }

  create({ type, referent, args }: Create): void {
    const [init] = decode(args) as [unknown]
    referent.retain()
    this.#entries.set(referent.id, { type, value: managedTypes[type].create(init), referent, busy: undefined })
    // References that nobody tells about (a process that was killed before its first call) are found in time.
    if (this.size > 2 * this.#swept + 64) this.sweep()
  }

  /** What the method returns: a promise if it does, or if the object is busy. Throws what it throws. */
  perform({ object, method, args }: Call): unknown {
    const entry = this.#entries.get(object)
    if (entry === undefined) {
      throw new MultiprocError('ERR_MULTIPROC_NOT_FOUND', `the call of ${method}() failed: the server has no such object; it could not be made, or nobody had a proxy of it any more.`)
    }
    if (entry.busy === undefined) return this.#run(entry, method, args)
    return this.#keepBusy(entry, entry.busy.then(() => this.#run(entry, method, args)))
  }

  #run(entry: Entry, method: string, args: Uint8Array): unknown {
    const type = managedTypes[entry.type]
    if (method === COPY) return type.copy(entry.value)
    const run = methodOf(type, method)
    if (run === undefined) {
      throw new MultiprocError('ERR_MULTIPROC_NOT_FOUND', `a ${entry.type} has no method ${JSON.stringify(method)} that clients may call; it has ${Object.keys(type.exposed).join(', ')}.`, { details: { method } })
    }
    const result = run(entry.value, ...(decode(args) as unknown[]))
    return result instanceof Promise ? this.#keepBusy(entry, result) : result
  }

  #keepBusy(entry: Entry, call: Promise<unknown>): Promise<unknown> {
    const ended = call.catch(() => {}).then(() => {
      if (entry.busy === ended) entry.busy = undefined
    })
    entry.busy = ended
    return call
  }

  /** Drops an object that nobody refers to any more. */
  check(object: ObjectId): void {
    const entry = this.#entries.get(object)
    if (entry === undefined || entry.referent.isReferred(OWN_USERS)) return
    this.#entries.delete(object)
    entry.referent.release()
  }

  sweep(): void {
    for (const object of this.#entries.keys()) this.check(object)
    this.#swept = this.size
  }

  /** Resolves when no async call is left. */
  async idle(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ busy }) => busy))
  }
}
