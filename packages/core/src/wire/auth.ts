/**
 * The mutual challenge of CPython's `multiprocessing.connection` (3.12 and later; the md5 form of older ones on request).
 *
 *   verifier  '#CHALLENGE#' + M           M = '{sha256}' + 40 random bytes
 *   prover    '{sha256}' + HMAC(key, M)   over all of M, so that the digest cannot be talked down
 *   verifier  '#WELCOME#' or '#FAILURE#'
 *
 * The listener verifies first, then the client does. Up to 3.11: M is 20 bytes without a prefix, the answer the bare
 * HMAC-MD5. Pure: who reads and writes frames, and how long he waits, is the caller's.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { AuthenticationError } from '../errors/python.ts'

export const AUTH_DIGESTS = ['sha256', 'sha384', 'sha3_256', 'sha3_384', 'md5'] as const
export type AuthDigest = (typeof AUTH_DIGESTS)[number]

/** No frame of the handshake may be longer, as in CPython. */
export const MAX_AUTH_FRAME = 256

const CHALLENGE = Buffer.from('#CHALLENGE#')
const WELCOME = Buffer.from('#WELCOME#')
export const FAILURE: Buffer = Buffer.from('#FAILURE#')
const NONCE_BYTES = 40
const OLD_NONCE_BYTES = 20
const MD5_BYTES = 16

/** One side's part in a handshake: what it sent as a challenge, and what it makes of what comes. */
export class Authenticator {
  readonly #key: Uint8Array
  readonly #digests: readonly AuthDigest[]
  readonly #random: (size: number) => Buffer
  #own: Buffer | undefined
  #isAsking = false

  /** @param digests - what is accepted and answered; the first is what own challenges ask for. */
  constructor(key: Uint8Array, digests: readonly AuthDigest[] = ['sha256'], random: (size: number) => Buffer = randomBytes) {
    this.#key = key
    this.#digests = digests
    this.#random = random
  }

  /** The frame that asks the peer to prove the key. */
  challenge(): Buffer {
    const [first = 'sha256'] = this.#digests
    // Alone, md5 means the old form, which has no prefix: peers up to 3.11 know no other.
    const isOld = first === 'md5'
    const own = isOld ? this.#random(OLD_NONCE_BYTES) : Buffer.concat([prefix(first), this.#random(NONCE_BYTES)])
    this.#own = own
    this.#isAsking = true
    return Buffer.concat([CHALLENGE, own])
  }

  /** The frame that answers the peer's. @throws AuthenticationError if it is no challenge, or asks for what is not allowed. */
  answer(frame: Buffer): Buffer {
    if (!frame.subarray(0, CHALLENGE.length).equals(CHALLENGE)) throw refused('the peer sent no challenge; does it have an authKey?')
    const message = frame.subarray(CHALLENGE.length)
    // Who does not know the key may let us answer our own question. Told in this connection only: another of ours may talk
    // to a Listener of this very process, so a client must not connect, with the key, to an address that it does not trust.
    if (this.#own?.equals(message) === true) throw refused('the peer sent our own challenge back')
    if (message.length === OLD_NONCE_BYTES) return this.#hmac(this.#allowed('md5'), message)
    const digest = prefixOf(message)
    if (digest === undefined || message.length < prefix(digest).length + OLD_NONCE_BYTES) throw refused('the peer sent a challenge of unknown form')
    return Buffer.concat([prefix(digest), this.#hmac(this.#allowed(digest), message)])
  }

  /** The frame that tells the peer whether its answer proves the key: `FAILURE` and nothing more if it does not. */
  verdict(answer: Buffer): Buffer {
    const message = this.#own
    if (message === undefined || !this.#isAsking) return FAILURE
    this.#isAsking = false
    const asked = prefixOf(message) ?? 'md5'
    const digest = answer.length === MD5_BYTES ? 'md5' : prefixOf(answer)
    // A peer up to 3.11 answers a prefixed challenge with a bare md5: only if that was asked for here.
    if (digest === undefined || !this.#digests.includes(digest) || (digest !== asked && digest !== 'md5')) return FAILURE
    const proof = answer.length === MD5_BYTES ? answer : answer.subarray(prefix(digest).length)
    const expected = this.#hmac(digest, message)
    return proof.length === expected.length && timingSafeEqual(proof, expected) ? WELCOME : FAILURE
  }

  /** @throws AuthenticationError unless the peer was convinced. */
  checkWelcome(frame: Buffer): void {
    if (!frame.equals(WELCOME)) throw refused('the peer refused our answer. Use the same authKey on both sides')
  }

  #allowed(digest: AuthDigest): AuthDigest {
    if (this.#digests.includes(digest)) return digest
    throw refused(`the peer asks for ${digest}, which is not in authDigests (${this.#digests.join(', ')})`)
  }

  #hmac(digest: AuthDigest, message: Uint8Array): Buffer {
    return createHmac(digest.replace('sha3_', 'sha3-'), this.#key).update(message).digest()
  }
}

function prefix(digest: AuthDigest): Buffer {
  return Buffer.from(`{${digest}}`)
}

function prefixOf(message: Buffer): AuthDigest | undefined {
  if (message[0] !== 0x7b) return undefined
  return AUTH_DIGESTS.find((digest) => message.subarray(0, digest.length + 2).equals(prefix(digest)))
}

function refused(fact: string): AuthenticationError {
  return new AuthenticationError(`the authentication failed: ${fact}.`)
}
