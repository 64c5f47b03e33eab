import { unlinkSync } from 'node:fs'
import { createServer as createNetServer } from 'node:net'
import type { Server as NetServer, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { CONNECT_MS } from '../remote-link.ts'
import { authenticate } from '../socket/handshake.ts'
import type { SocketSettings } from '../socket/options.ts'
import { SocketCarrier } from '../socket/socket-carrier.ts'
import { RemoteClient } from './remote-client.ts'
import type { RemoteRights } from './remote-client.ts'
import type { Server } from './server.ts'

export interface ListenSettings extends SocketSettings, RemoteRights {
  /** Of one request. */
  readonly maxRequestBytes: number
  /** Milliseconds without a request after which a connection is ended; 0: never. */
  readonly idleTimeout: number
}

/** Connections that have not proved the key yet; more are turned away. */
const MOST_STRANGERS = 128

export interface Listening {
  readonly address: SocketSettings['address']
  close(): void
}

/** Takes in clients from elsewhere, once they have proved the key. @throws what `listen` failed with. */
export async function listen(server: Server, settings: ListenSettings): Promise<Listening> {
  const { address, tls } = settings
  let strangers = 0
  const come = (socket: Socket): void => {
    socket.on('error', () => {})
    if (strangers >= MOST_STRANGERS) return void socket.destroy()
    strangers++
    const carrier = new SocketCarrier(socket)
    const timer = setTimeout(() => carrier.destroy(), CONNECT_MS)
    authenticate(carrier, 'server', settings.authKey)
      .then(
        () => letIn(server, socket, carrier, settings),
        // Who does not know the key learns no more than that.
        () => carrier.close(),
      )
      .finally(() => {
        clearTimeout(timer)
        strangers--
      })
  }
  const listener: NetServer = tls === undefined ? createNetServer(come) : createTlsServer(tls, come)
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject)
    listener.listen(typeof address === 'string' ? { path: address } : address, () => resolve())
  })
  listener.on('error', () => {})
  const onExit = (): void => {
    if (typeof address === 'string') unlink(address)
  }
  process.on('exit', onExit)
  return {
    address: typeof address === 'string' ? address : { host: address.host, port: (listener.address() as { port: number }).port },
    close() {
      // It takes the socket away itself; what is there later is somebody else's.
      process.off('exit', onExit)
      listener.close()
    },
  }
}

function letIn(server: Server, socket: Socket, carrier: SocketCarrier, settings: ListenSettings): void {
  carrier.open(settings.maxRequestBytes)
  if (settings.idleTimeout > 0) socket.setTimeout(settings.idleTimeout, () => carrier.destroy())
  server.connect(new RemoteClient(carrier, server, settings))
}

function unlink(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // The listener has done so.
  }
}
