/** Functions as bytes, for whoever brings them to the other process himself. */
import { argumentType, decode, encode, MultiprocError, preloadFunctions } from '@multiproc/core'
import './shipper.ts'

/**
 * Turns a function or class, and everything it captures, into bytes.
 *
 * @returns bytes of the caller's own; they may be kept, written to a file, and rebuilt any number of times.
 * @throws TypeError with ERR_MULTIPROC_ARG_TYPE; ERR_MULTIPROC_NOT_SENDABLE and the more precise codes beside it
 * (CAPTURES_THIS, AMBIGUOUS_CAPTURE, PRIVATE_STATE, SUPER, TDZ, NO_SOURCE), with the path in the message.
 * @remarks Python: what `cloudpickle.dumps` does. Handles (locks, queues) cannot be kept as bytes: send those.
 * @example const bytes = serializeFunction((n: number) => n * 2)
 */
export function serializeFunction(fn: Function): Uint8Array {
  if (typeof fn !== 'function') throw argumentType('serializeFunction', 'a function', fn)
  const encoded = encode(fn, 'fn')
  if (encoded.hasHandles) {
    encoded.abort()
    throw new MultiprocError('ERR_MULTIPROC_NOT_SENDABLE', 'serializeFunction() failed: the function captures a handle (a lock, queue or connection), which cannot be kept as bytes. Send the function through a Process, Pool, Pipe or Queue.')
  }
  // A copy: the encoder writes its next message over these.
  const bytes = new Uint8Array(encoded.bytes)
  encoded.commit()
  return bytes
}

/**
 * The function that `serializeFunction` made these bytes of. Loads, synchronously, the modules that it needs; one with
 * top-level await has to be loaded before, which `await rebuildFunction.preload(bytes)` does.
 *
 * @throws ERR_MULTIPROC_EXPORT_DIFFERS where the module exports another function here; what loading a module throws.
 * @remarks Bytes are code: rebuild only what comes from your own program.
 * @example rebuildFunction<(n: number) => number>(bytes)(21) // => 42
 */
export function rebuildFunction<F extends Function = (...args: any[]) => any>(bytes: Uint8Array): F {
  return decode(bytes) as F
}

rebuildFunction.preload = (bytes: Uint8Array): Promise<void> => preloadFunctions(bytes)
