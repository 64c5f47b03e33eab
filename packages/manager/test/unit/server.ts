import { Channel, currentThread } from '@multiproc/core'
import { Queue } from '@multiproc/queue'
import { Server } from '../../src/child/server.ts'
import { FamilyLink } from '../../src/family-link.ts'
import type { ServerAddress } from '../../src/family-link.ts'
import type { Hello } from '../../src/protocol.ts'
import { create } from '../../src/proxy.ts'
import { Referent } from '../../src/referent.ts'
import '../../src/travel.ts'
import { makeProxy } from '../../src/types/catalog.ts'
import { registered } from '../../src/types/registered.ts'
import type { Definition } from '../../src/types/registered.ts'

let count = 0

/** A server in this very thread, with its client: everything but the process is real. */
export function startHere(definitions: Record<string, Partial<Definition>> = {}) {
  const inbox = new Queue<Hello>()
  const [life, serverLife] = Channel.pair({ duplex: false, capacity: 1024 })
  const address: ServerAddress = { key: `test:${currentThread().id}:${++count}`, pid: process.pid, inbox, life }
  const server = new Server(address, serverLife, 'test', typesOf(definitions))
  const serving = server.serve()
  const link = FamilyLink.to(address)
  return {
    server,
    link,
    inbox,
    make(type: string, ...args: unknown[]): any {
      const proxy = makeProxy(type, link, Referent.create())
      create(proxy, args)
      return proxy
    },
    async stop() {
      inbox.shutdown()
      await serving
    },
  }
}

function typesOf(definitions: Record<string, Partial<Definition>>) {
  return new Map(Object.entries(definitions).map(([name, definition]) => [name, registered(name, { make: undefined, exposed: undefined, returns: undefined, ...definition })]))
}
