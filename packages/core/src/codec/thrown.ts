import { show } from '../arguments.ts'
import { markRemote, RemoteError, type RemoteInfo } from '../errors/remote.ts'
import { decode } from './decode.ts'
import { encode } from './encode.ts'

/** Something that was thrown, as a plain value that can be put into any message. */
export interface PackedThrown {
  readonly origin: RemoteInfo
  /** A message of its own, so that one that cannot be decoded spoils nothing else; absent when it could not be encoded. */
  readonly whole?: Uint8Array
  /** What is left of it then. */
  readonly name: string
  readonly message: string
  readonly stack: string
}

/** Packs whatever was thrown; never fails. `origin` says where that was. */
export function packThrown(thrown: unknown, origin: RemoteInfo): PackedThrown {
  return { origin, ...summary(thrown), ...whole(thrown) }
}

/**
 * The thrown value again: the rebuilt original, or a `RemoteError` where its class or what it holds cannot be rebuilt.
 * `remoteInfo` knows its origin; the stack of `caller` (where the caller began to wait) is joined to its own.
 */
export function unpackThrown(packed: PackedThrown, caller?: Error): unknown {
  const thrown = rebuilt(packed)
  markRemote(thrown, packed.origin, caller)
  return thrown
}

function rebuilt(packed: PackedThrown): unknown {
  let cause: unknown
  if (packed.whole !== undefined) {
    try {
      return decode(packed.whole)
    } catch (error) {
      cause = error
    }
  }
  const { name, message, stack } = packed
  const error = new RemoteError(`${name}: ${message}`, { originalName: name, remoteStack: stack, details: { originalMessage: message }, cause })
  if (stack !== '') Object.defineProperty(error, 'stack', { value: stack, writable: true, configurable: true })
  return error
}

function whole(thrown: unknown): { whole?: Uint8Array } {
  try {
    const encoded = encode(thrown, 'error')
    if (!encoded.hasHandles) return { whole: Uint8Array.from(encoded.bytes) }
    // Nobody can be trusted to land what an error carries.
    encoded.abort()
  } catch {
    // What cannot be sent, and what throws while it is looked at, travels as its summary.
  }
  return {}
}

function summary(thrown: unknown): { name: string; message: string; stack: string } {
  if (typeof thrown !== 'object' || thrown === null) return { name: typeof thrown, message: show(thrown), stack: '' }
  return { name: textOf(thrown, 'name') || 'Error', message: textOf(thrown, 'message'), stack: textOf(thrown, 'stack') }
}

function textOf(thrown: object, key: string): string {
  try {
    const value = (thrown as Record<string, unknown>)[key]
    return typeof value === 'string' ? value : ''
  } catch {
    return ''
  }
}
