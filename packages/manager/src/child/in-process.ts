import { Channel, checkOptions, currentThread } from '@multiproc/core'
import { Queue } from '@multiproc/queue'
import type { Hello } from '../protocol.ts'
import type { SocketSettings } from '../socket/options.ts'
import { registeredTypes } from '../types/registered.ts'
import type { Definition } from '../types/registered.ts'
import { listen } from './remote-clients.ts'
import type { ListenSettings } from './remote-clients.ts'
import { Server } from './server.ts'

/** A manager's server in this process. */
export interface ManagerServer {
  /** Where it listens, once it does. */
  readonly address: SocketSettings['address'] | undefined
  serveForever(options?: { signal?: AbortSignal | undefined }): Promise<void>
}

let count = 0

export function makeServer(name: string, definitions: Readonly<Record<string, Definition>>, settings: ListenSettings): ManagerServer {
  let address: SocketSettings['address'] | undefined
  return {
    get address() {
      return address
    },
    async serveForever(options) {
      checkOptions('server.serveForever()', options, ['signal'])
      const signal = options?.signal
      const inbox = new Queue<Hello>()
      const [life, serverLife] = Channel.pair({ duplex: false, capacity: 1024, noun: 'life' })
      const server = new Server({ key: `served:${currentThread().id}:${++count}`, pid: process.pid, inbox, life }, serverLife, name, registeredTypes(definitions))
      const stop = (): void => inbox.shutdown()
      try {
        const listening = await listen(server, settings)
        address = listening.address
        server.welcome = { ...server.welcome, address }
        if (signal?.aborted) stop()
        else signal?.addEventListener('abort', stop)
        await server.serve()
        listening.close()
      } finally {
        signal?.removeEventListener('abort', stop)
        for (const handle of [inbox, life, serverLife]) handle.close()
      }
    },
  }
}
