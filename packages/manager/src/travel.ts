/**
 * How proxies travel. In the family: by the server's address and the object's table of holders, which count the message. To
 * and from another machine: by name, and only to the server whose object it is, or from it.
 */
import { argumentValue, MultiprocError, registerNamed, registerReducer } from '@multiproc/core'
import { currentConnection } from './abroad.ts'
import { FamilyLink } from './family-link.ts'
import type { ServerAddress } from './family-link.ts'
import type { ObjectId } from './protocol.ts'
import { stateOf } from './proxy.ts'
import type { Referent } from './referent.ts'
import { RemoteLink } from './remote-link.ts'
import type { RemoteAddress } from './remote-link.ts'
import { makeProxy, proxyClasses } from './types/catalog.ts'

type ProxyParts = [type: string, server: ServerAddress, referent: Referent] | [type: string, server: RemoteAddress, id: ObjectId]

function partsOf(proxy: object): ProxyParts {
  const { type, className, link, referent } = stateOf(proxy, 'sending a proxy')
  link.checkThere(`sending a ${className}`)
  // Whoever gets it may call at once: its making, and what was called before, must not come after that.
  link.flush()
  if (link instanceof FamilyLink) return [type, link.address, referent as Referent]
  return [type, (link as RemoteLink).address, referent.id]
}

/** A proxy again, in the thread that received it. Sent by reference: exported by the entry of the server, too. */
export function rebuildProxy(...[type, server, referent]: ProxyParts): object {
  if (typeof referent !== 'string') return makeProxy(type, FamilyLink.to(server as ServerAddress), referent)
  const link = RemoteLink.to(server as RemoteAddress)
  return makeProxy(type, link, link.hold(referent))
}

function nameAbroad(proxy: object): [string, ObjectId] {
  const { type, className, link, referent } = stateOf(proxy, 'sending a proxy')
  const abroad = currentConnection()
  if (abroad === undefined || abroad.key !== link.key) {
    throw new MultiprocError('ERR_MULTIPROC_NOT_SENDABLE', `this is a ${className} of another manager (${link.where}): it cannot be sent to another machine. Connect to its manager there.`)
  }
  return [type, abroad.sending?.(referent.id) ?? referent.id]
}

function proxyFromAbroad(type: unknown, id: unknown): object {
  const abroad = currentConnection()
  const found = abroad !== undefined && typeof type === 'string' && typeof id === 'string' ? abroad.reference(type, id) : undefined
  if (found === undefined) throw argumentValue('a received proxy', 'of an object that the server has', id)
  return makeProxy(type as string, found.link, found.referent)
}

for (const Class of proxyClasses) {
  registerReducer(Class, { reduce: partsOf, rebuild: rebuildProxy })
  registerNamed({ class: Class, name: 'manager.Proxy', reduce: nameAbroad, revive: proxyFromAbroad })
}
