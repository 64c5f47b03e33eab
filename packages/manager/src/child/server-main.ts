import { currentThread, discard, encode, MaybeEncodingError, packThrown, ShutDown } from '@multiproc/core'
import type { Channel, Encoded } from '@multiproc/core'
import { Link } from '../link.ts'
import type { ServerAddress } from '../link.ts'
import { NO_CALL, READY, REPLY_HEADER_BYTES, replyFrame, RETURNED, THREW } from '../protocol.ts'
import type { Call, Create, Hello, ReplyStatus, Request } from '../protocol.ts'
import { Registry } from './registry.ts'

export { rebuildProxy } from '../types/catalog.ts'

/** What a manager's server process runs: one request after the other, until the inbox is shut down. */
export async function serverMain(address: Omit<ServerAddress, 'pid'>, life: Channel, name: string): Promise<void> {
  await new Server({ ...address, pid: process.pid }, life, name).serve()
  // Timers and sockets that functions of the user's left behind must not keep it alive; exit hooks run.
  process.exit()
}

interface Client {
  readonly replies: Hello['replies']
}

export class Server {
  readonly registry = new Registry()
  readonly #address: ServerAddress
  /** Held until the process ends: its end is how clients learn of that. */
  readonly life: Channel
  readonly #name: string
  readonly #clients = new Map<number, Client>()
  /** Replies that wait for room in a slow client's channel. */
  readonly #unsent = new Set<Promise<void>>()

  constructor(address: ServerAddress, life: Channel, name: string) {
    this.#address = address
    this.life = life
    this.#name = name
    // Proxies that are kept in containers here, and sent on, name this server.
    Link.to(address).isServer = true
  }

  async serve(): Promise<void> {
    const { inbox } = this.#address
    for (;;) {
      let request: Request
      try {
        request = await inbox.get()
      } catch (error) {
        if (error instanceof ShutDown || inbox.closed) break
        // The sender died while it sent a handle with it, so nobody waits for an answer.
        continue
      }
      this.#handle(request)
    }
    await this.registry.idle()
    while (this.#unsent.size > 0) await Promise.all(this.#unsent)
  }

  #handle(request: Request): void {
    switch (request.kind) {
      case 'hello':
        return this.#welcome(request)
      case 'create':
        return this.#answer(request, () => this.registry.create(request))
      case 'call':
        return this.#answer(request, () => this.registry.perform(request))
      case 'release':
        return this.registry.check(request.object)
    }
  }

  #welcome({ client: id, replies }: Hello): void {
    this.#clients.set(id, { replies })
    currentThread().watchDeath(id, () => this.#lose(id))
    this.#reply(id, NO_CALL, READY, undefined)
  }

  /** A client is dead: what it has not read carries references, too. */
  #lose(id: number): void {
    const client = this.#clients.get(id)
    if (client === undefined) return
    this.#clients.delete(id)
    const { reader, writer } = client.replies
    for (let bytes = reader.tryRecvBytes(); bytes !== undefined; bytes = reader.tryRecvBytes()) discard(bytes, REPLY_HEADER_BYTES)
    writer.close()
    reader.close()
    this.registry.sweep()
  }

  #answer({ client, call }: Create | Call, perform: () => unknown): void {
    const failed = (error: unknown): void => this.#reply(client, call, THREW, packThrown(error, { pid: process.pid, processName: this.#name }))
    try {
      const result = perform()
      if (result instanceof Promise) result.then((value) => this.#reply(client, call, RETURNED, value), failed)
      else this.#reply(client, call, RETURNED, result)
    } catch (error) {
      failed(error)
    }
  }

  #reply(client: number, call: number, status: ReplyStatus, value: unknown): void {
    const writer = this.#clients.get(client)?.replies.writer
    if (writer === undefined) return
    let encoded: Encoded
    let told = status
    try {
      encoded = encode(value, 'result')
    } catch (cause) {
      told = THREW
      const error = new MaybeEncodingError(`the call was done, but its result cannot be sent: ${(cause as Error).message}`, { cause })
      encoded = encode(packThrown(error, { pid: process.pid, processName: this.#name }))
    }
    const bytes = replyFrame(call, told, encoded)
    if (writer.trySendBytes(bytes)) return encoded.commit()
    const sending = writer.sendBytes(bytes).then(
      () => encoded.commit(),
      // Its client died.
      () => encoded.abort(),
    )
    this.#unsent.add(sending)
    void sending.then(() => this.#unsent.delete(sending))
  }
}
