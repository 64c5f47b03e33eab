import { currentThread, nextTurn, ShutDown, turnIsDue } from '@multiproc/core'
import type { Channel } from '@multiproc/core'
import { FamilyLink } from '../family-link.ts'
import type { ServerAddress } from '../family-link.ts'
import { CALL, CANCEL, CREATE, HELLO, HOLD, NO_CALL, READY, readRequest, RELEASE, RETURNED } from '../protocol.ts'
import type { Hello, Request } from '../protocol.ts'
import { Referent } from '../referent.ts'
import type { SocketSettings } from '../socket/options.ts'
import { isThenable } from '../types/managed-type.ts'
import type { ManagedType } from '../types/managed-type.ts'
import type { Client } from './client.ts'
import { FamilyClient } from './client.ts'
import { Registry } from './registry.ts'
import { RemoteClient } from './remote-client.ts'

/** Frames of one client before it is the turn of the next. */
const FRAMES_A_TURN = 32
/** How often to look at each client before the loop turns, when several were busy. */
const SPINS = 16

/** What the server says of itself to each client that comes. */
export interface Welcome {
  readonly pid: number
  /** Where it listens for clients elsewhere. */
  readonly address?: SocketSettings['address']
}

/**
 * Reads what all clients say, one after the other and by turns, and answers. No client is waited for: what cannot be sent to
 * one that does not read is kept, up to a limit, beyond which its calls wait.
 */
export class Server {
  readonly registry: Registry
  readonly #address: ServerAddress
  /** Held until the process ends: its end is how clients learn of that. */
  readonly life: Channel
  readonly #origin: { readonly pid: number; readonly processName: string }
  readonly #clients = new Set<Client>()
  welcome: Welcome
  #draining = false

  constructor(address: ServerAddress, life: Channel, name: string, types: ReadonlyMap<string, ManagedType> = new Map()) {
    this.#address = address
    this.life = life
    this.#origin = { pid: process.pid, processName: name }
    this.welcome = { pid: process.pid }
    // Proxies that are kept in containers here, and sent on, name this server.
    const link = FamilyLink.to(address)
    link.isServer = true
    this.registry = new Registry(link, types)
  }

  get link(): FamilyLink {
    return FamilyLink.to(this.#address)
  }

  get origin(): { readonly pid: number; readonly processName: string } {
    return this.#origin
  }

  /** Until the inbox is shut down, and what was called before is done. */
  async serve(): Promise<void> {
    const { inbox } = this.#address
    for (;;) {
      let hello: Hello
      try {
        hello = await inbox.get()
      } catch (error) {
        if (error instanceof ShutDown || inbox.closed) break
        // The sender died while it sent its channel, so nobody waits for an answer.
        continue
      }
      this.#meet(hello)
    }
    await this.#end()
  }

  /** Tells who comes that the server could not start, and ends. */
  async refuse(error: unknown): Promise<void> {
    const { inbox } = this.#address
    for (let timeout = 1000; ; timeout = 0) {
      try {
        const { ends } = await inbox.get({ timeout })
        const client = new FamilyClient(ends.server, ends.client, this.#origin)
        client.threw(NO_CALL, error)
        client.flush(() => {})
      } catch {
        return
      }
    }
  }

  /** A client elsewhere: its end is the end of its connection. */
  connect(client: RemoteClient): void {
    this.#add(client)
  }

  #meet({ client: id, ends }: Hello): void {
    const client = new FamilyClient(ends.server, ends.client, this.#origin)
    currentThread().watchDeath(id, () => this.#lose(client))
    client.reply(NO_CALL, READY, this.welcome)
    this.#add(client)
  }

  #add(client: Client): void {
    this.#clients.add(client)
    client.carrier.listen(() => this.#drain())
    this.#drain()
  }

  #lose(client: Client): void {
    if (client.isGone) return
    // What it called before it ended is done.
    this.#take(client, Infinity)
    this.#leave(client)
  }

  /** Everything that all clients have said so far; in several turns of the loop, if it takes long. */
  #drain(): void {
    if (this.#draining) return
    this.#draining = true
    for (;;) {
      const busy: Client[] = []
      for (const client of this.#clients) if (this.#take(client, FRAMES_A_TURN)) busy.push(client)
      this.#flush()
      if (turnIsDue()) {
        void nextTurn().then(() => {
          this.#draining = false
          this.#drain()
        })
        return
      }
      if (busy.length > 0) this.#lastBusy = busy
      else if (!this.#expect()) break
    }
    this.#draining = false
  }

  #lastBusy: readonly Client[] = []

  /** Whoever was answered often says more within microseconds. */
  #expect(): boolean {
    const busy = this.#lastBusy
    this.#lastBusy = []
    const [first] = busy
    if (first === undefined) return false
    if (busy.length === 1) return !first.isGone && first.carrier.spin()
    for (let spin = 0; spin < SPINS; spin++) for (const { isGone, carrier } of busy) if (!isGone && carrier.poll(0)) return true
    return false
  }

  /** Up to so many frames of a client; true if there was one. */
  #take(client: Client, most: number): boolean {
    for (let count = 0; count < most; count++) {
      if (client.isGone || !client.mayCall) return count > 0
      const frame = client.carrier.take()
      if (frame === undefined) return count > 0
      if (frame === 'end') {
        // Of a thread of the family we hold an end ourselves: its death is told otherwise.
        this.#leave(client)
        return count > 0
      }
      if (frame.length > 0) this.#read(client, frame)
    }
    return true
  }

  #leave(client: Client): void {
    this.#clients.delete(client)
    if (client.isGone) return
    client.gone()
    this.registry.clientGone(client)
  }

  #read(client: Client, frame: Buffer): void {
    let request: Request
    try {
      request = readRequest(frame)
      if (client instanceof RemoteClient) client.check(request)
    } catch {
      // What it says makes no sense: nothing more is read of it.
      return this.#leave(client)
    }
    const { kind, object } = request
    if (kind === CALL && !this.registry.has(object)) this.#catchUp(client)
    this.#handle(client, request)
  }

  /** A proxy was sent on, and used, before the server read how its object came to be: that was said before. */
  #catchUp(than: Client): void {
    if (this.#catchingUp) return
    this.#catchingUp = true
    for (const client of this.#clients) if (client !== than && client instanceof FamilyClient) this.#take(client, Infinity)
    this.#catchingUp = false
  }

  #catchingUp = false

  #handle(client: Client, { kind, call, object, method, body }: Request): void {
    switch (kind) {
      case CALL: {
        const context = client.context(call)
        return this.#answer(client, call, () => this.registry.perform(object, method, () => argumentsOf(client.decode(body)), context), () => context.end())
      }
      case CREATE:
        return this.#answer(client, call, () => this.#create(client, object, method, body))
      case RELEASE:
        if (client instanceof RemoteClient) client.release(object, Number(method))
        return this.registry.check(object)
      case CANCEL:
        return client.calls.get(call)?.abort()
      case HELLO:
        return client.reply(NO_CALL, READY, this.welcome)
      case HOLD:
        if (client instanceof RemoteClient) client.hold(object)
    }
  }

  #create(client: Client, object: string, type: string, body: Uint8Array): unknown {
    if (client instanceof RemoteClient) client.checkType(type)
    const { args, referent } = client.decode(body) as { args?: unknown; referent?: unknown }
    const inFamily = client instanceof FamilyClient
    const made = this.registry.create(object, type, argumentsOf(args), inFamily ? (referent as Referent) : Referent.create())
    if (client instanceof RemoteClient) client.hold(object)
    return made
  }

  #answer(client: Client, call: number, perform: () => unknown, end?: () => void): void {
    const settle = (tell: () => void): void => {
      end?.()
      tell()
      if (!this.#draining) this.#flushSoon()
    }
    try {
      const result = perform()
      if (!isThenable(result)) {
        end?.()
        return client.reply(call, RETURNED, result)
      }
      result.then(
        (value) => settle(() => client.reply(call, RETURNED, value)),
        (error: unknown) => settle(() => client.threw(call, error)),
      )
    } catch (error) {
      end?.()
      client.threw(call, error)
    }
  }

  #flushDue = false

  #flushSoon(): void {
    if (this.#flushDue) return
    this.#flushDue = true
    queueMicrotask(() => {
      this.#flushDue = false
      this.#flush()
    })
  }

  #flush(): void {
    for (const client of this.#clients) {
      if (!client.hasReplies) continue
      try {
        client.flush(() => this.#drain())
      } catch {
        // It is over; whoever watches it tells.
        if (client instanceof RemoteClient) this.#leave(client)
      }
    }
  }

  /** Sockets are written by the event loop, which a process that exits does not turn. */
  async #sent(): Promise<void> {
    const endMs = performance.now() + LAST_ANSWERS_MS
    const isUnsent = (client: Client): boolean => client instanceof RemoteClient && client.carrier.unsent > 0
    while ([...this.#clients].some(isUnsent) && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  /** No further clients: what those there are have called is done, but what waits for others. */
  async #end(): Promise<void> {
    for (const client of this.#clients) this.#take(client, Infinity)
    for (const client of this.#clients) client.leaveOpen()
    await this.registry.idle()
    await nextTurn()
    this.#flush()
    await this.registry.dispose()
    await this.#sent()
    for (const client of [...this.#clients]) {
      client.carrier.flushSync()
      // Others of this process's clients learn of its end; these are told.
      if (client instanceof RemoteClient) this.#leave(client)
    }
  }
}

/** How long the last answers may take to clients elsewhere. */
const LAST_ANSWERS_MS = 500

function argumentsOf(args: unknown): readonly unknown[] {
  if (Array.isArray(args)) return args
  throw new TypeError('the arguments are no array')
}
