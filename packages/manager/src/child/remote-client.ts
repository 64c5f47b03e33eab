import { carriesFunctions, carriesHandles, decode, encode, MultiprocError } from '@multiproc/core'
import type { Encoded } from '@multiproc/core'
import type { Carrier } from '../carrier.ts'
import { badFrame, CREATE, HELLO, PROTOCOL_VERSION, CALL } from '../protocol.ts'
import type { ObjectId, Request } from '../protocol.ts'
import { through } from '../abroad.ts'
import type { Abroad } from '../abroad.ts'
import { Client } from './client.ts'
import type { Server } from './server.ts'

export interface RemoteRights {
  /** What may be made. */
  readonly types: ReadonlySet<string>
  /** Functions, classes and their instances that come from there may be run here. */
  readonly allowFunctions: boolean
}

/** What a client elsewhere may name an object that it makes. */
const NEW_ID = /^r[0-9a-f]{32}:[0-9]{1,10}$/

/** A connection from another program, maybe on another machine: what it says is not trusted. */
export class RemoteClient extends Client {
  readonly #server: Server
  readonly #rights: RemoteRights
  /** How often each object was sent there, or said to be there. */
  readonly #held = new Map<ObjectId, number>()
  readonly #abroad: Abroad
  #hasGreeted = false

  constructor(carrier: Carrier, server: Server, rights: RemoteRights) {
    super(carrier, server.origin)
    this.#server = server
    this.#rights = rights
    this.#abroad = {
      key: server.link.key,
      sending: (id) => this.hold(id),
      reference: (type, id) => {
        const referent = server.registry.find(id, type)
        return referent && { link: server.link, referent }
      },
    }
  }

  /** @throws for what ends the connection. */
  check({ kind, object, body }: Request): void {
    if (this.#hasGreeted === (kind === HELLO)) throw badFrame()
    if (kind === HELLO) {
      const [version] = decode(body) as [unknown]
      if (version !== PROTOCOL_VERSION) throw badFrame()
      this.#hasGreeted = true
    }
    if (kind === CREATE && (!NEW_ID.test(object) || this.#server.registry.has(object))) throw badFrame()
    if ((kind === CREATE || kind === CALL) && body.length === 0) throw badFrame()
  }

  checkType(type: string): void {
    if (this.#rights.types.has(type)) return
    throw new MultiprocError('ERR_MULTIPROC_NOT_FOUND', `manager.${type}() failed: the server has no such type for clients elsewhere; it has ${[...this.#rights.types].join(', ')}.`)
  }

  override decode(body: Uint8Array): unknown {
    if (carriesHandles(body)) throw badFrame()
    if (carriesFunctions(body) && !this.#rights.allowFunctions) {
      throw new MultiprocError('ERR_MULTIPROC_UNSUPPORTED', 'the arguments hold a function, a class or an instance of one, which the server does not take from other machines. Send plain values; or start the server with { allowFunctions: true }, if it may run whatever its clients send.')
    }
    return through(this.#abroad, () => decode(body))
  }

  override encode(value: unknown, root: string): Encoded {
    return through(this.#abroad, () => encode(value, root, { foreign: true }))
  }

  /** Returns what the object is called there. */
  hold(object: ObjectId): ObjectId | undefined {
    const name = this.#server.registry.hold(object, 1)
    if (name !== undefined) this.#held.set(name, (this.#held.get(name) ?? 0) + 1)
    return name
  }

  release(object: ObjectId, count: number): void {
    const held = this.#held.get(object) ?? 0
    const less = Math.min(held, Number.isSafeInteger(count) && count > 0 ? count : 0)
    if (less === 0) return
    if (held === less) this.#held.delete(object)
    else this.#held.set(object, held - less)
    this.#server.registry.hold(object, -less)
  }

  override gone(): void {
    super.gone()
    for (const [object, count] of this.#held) this.#server.registry.hold(object, -count)
    this.#held.clear()
  }
}
