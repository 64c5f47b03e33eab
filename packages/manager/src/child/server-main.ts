import type { Channel } from '@multiproc/core'
import type { ServerAddress } from '../family-link.ts'
import { registeredTypes } from '../types/registered.ts'
import type { Definition } from '../types/registered.ts'
import { listen } from './remote-clients.ts'
import type { ListenSettings } from './remote-clients.ts'
import { Server } from './server.ts'

export { rebuildProxy } from '../travel.ts'

export interface ServerSettings {
  readonly name: string
  readonly types: Readonly<Record<string, Definition>>
  readonly initializer?: ((...args: any[]) => unknown) | undefined
  readonly initArgs?: readonly unknown[] | undefined
  readonly listen?: ListenSettings | undefined
}

/** What a manager's server process runs, until its inbox is shut down. */
export async function serverMain(address: Omit<ServerAddress, 'pid'>, life: Channel, settings: ServerSettings): Promise<void> {
  const { name, initializer, initArgs = [] } = settings
  const server = new Server({ ...address, pid: process.pid }, life, name, registeredTypes(settings.types))
  try {
    await initializer?.(...initArgs)
    if (settings.listen !== undefined) server.welcome = { ...server.welcome, address: (await listen(server, settings.listen)).address }
  } catch (error) {
    await server.refuse(error)
    process.exit(1)
  }
  await server.serve()
  // Timers and sockets that functions of the user's left behind must not keep it alive; exit hooks run.
  process.exit()
}
