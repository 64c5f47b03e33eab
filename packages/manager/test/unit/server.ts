import { Channel, currentThread } from '@multiproc/core'
import { Queue } from '@multiproc/queue'
import { Server } from '../../src/child/server-main.ts'
import { Link } from '../../src/link.ts'
import type { ServerAddress } from '../../src/link.ts'
import type { Request, TypeName } from '../../src/protocol.ts'
import { create } from '../../src/proxy.ts'
import { Referent } from '../../src/referent.ts'
import { makeProxy } from '../../src/types/catalog.ts'

let count = 0

/** A server in this very thread, with its client: everything but the process is real. */
export function startHere() {
  const inbox = new Queue<Request>()
  const [life, serverLife] = Channel.pair({ duplex: false, capacity: 1024 })
  const address: ServerAddress = { key: `test:${currentThread().id}:${++count}`, pid: process.pid, inbox, life }
  const server = new Server(address, serverLife, 'test')
  const serving = server.serve()
  const link = Link.to(address)
  return {
    server,
    link,
    inbox,
    make(type: TypeName, init: unknown): any {
      const proxy = makeProxy(type, link, Referent.create())
      create(proxy, init)
      return proxy
    },
    async stop() {
      inbox.shutdown()
      await serving
    },
  }
}
