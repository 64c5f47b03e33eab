import { createHash } from 'node:crypto'
import { argumentType, argumentValue, checkOptions } from '@multiproc/core'
import { currentProcess } from '@multiproc/process'

/** Where a server listens: the path of a unix socket, or a TCP port; 0 takes a free one. */
export type ServerPlace = string | { readonly host?: string | undefined; readonly port: number }

export interface SocketOptions {
  readonly address?: ServerPlace | undefined
  /** Both sides must know it; it is never sent. Default: that of this process, which its children share. */
  readonly authKey?: string | Uint8Array | undefined
  /** Options of `node:tls`: of `createServer` where the server is, of `connect` elsewhere. Default: no TLS. */
  readonly tls?: object | undefined
}

export interface SocketSettings {
  readonly address: string | { readonly host: string; readonly port: number }
  readonly authKey: Uint8Array
  readonly tls: object | undefined
}

export const SOCKET_OPTIONS = ['address', 'authKey', 'tls']

export function checkSocket(call: string, { address, authKey, tls }: SocketOptions): SocketSettings | undefined {
  if (authKey !== undefined && typeof authKey !== 'string' && !(authKey instanceof Uint8Array)) throw argumentType(`${call}: options.authKey`, 'a string or a Uint8Array', authKey)
  if (tls !== undefined && (typeof tls !== 'object' || tls === null)) throw argumentType(`${call}: options.tls`, 'an object of options of node:tls', tls)
  if (address === undefined) return undefined
  const key = authKey === undefined ? currentProcess().authKey : typeof authKey === 'string' ? Buffer.from(authKey) : authKey
  return { address: checkAddress(call, address), authKey: key, tls }
}

function checkAddress(call: string, address: unknown): SocketSettings['address'] {
  const name = `${call}: options.address`
  if (typeof address === 'string') {
    if (address === '' || address.includes('\0')) throw argumentValue(name, 'a path', address)
    return address
  }
  if (typeof address !== 'object' || address === null) throw argumentType(name, 'a path, or { host, port }', address)
  checkOptions(name, address, ['host', 'port'])
  const { host = '127.0.0.1', port } = address as { host?: unknown; port?: unknown }
  if (typeof host !== 'string' || host === '') throw argumentType(`${name}.host`, 'a host name or IP address', host)
  if (typeof port !== 'number') throw argumentType(`${name}.port`, 'a number', port)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw argumentValue(`${name}.port`, 'a whole number from 0 to 65535', port)
  return { host, port }
}

export function showAddress(address: SocketSettings['address']): string {
  return typeof address === 'string' ? address : `${address.host}:${address.port}`
}

/** The same for all who reach the same server with the same key. */
export function linkKey({ address, authKey }: SocketSettings): string {
  return `${showAddress(address)} ${createHash('sha256').update('multiproc manager').update(authKey).digest('hex').slice(0, 16)}`
}
