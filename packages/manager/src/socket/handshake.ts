import { AUTH_FAILURE, AuthenticationError, Authenticator } from '@multiproc/core'
import type { SocketCarrier } from './socket-carrier.ts'

/**
 * Both sides prove that they know the key, as CPython's connections do: the server asks first. Resolves when both have.
 * @throws AuthenticationError
 */
export async function authenticate(carrier: SocketCarrier, side: 'server' | 'client', key: Uint8Array): Promise<void> {
  const self = new Authenticator(key)
  if (side === 'client') await prove(self, carrier)
  await ask(self, carrier)
  if (side === 'server') await prove(self, carrier)
}

async function ask(self: Authenticator, carrier: SocketCarrier): Promise<void> {
  carrier.send(self.challenge())
  const verdict = self.verdict(await read(carrier))
  carrier.send(verdict)
  if (verdict === AUTH_FAILURE) throw new AuthenticationError('the authentication failed: the peer does not know the authKey. Use the same authKey on both sides.')
}

async function prove(self: Authenticator, carrier: SocketCarrier): Promise<void> {
  carrier.send(self.answer(await read(carrier)))
  self.checkWelcome(await read(carrier))
}

async function read(carrier: SocketCarrier): Promise<Buffer> {
  const frame = await carrier.next()
  if (frame === 'end') throw new AuthenticationError('the authentication failed: the peer ended the connection before it was done.')
  return frame
}
