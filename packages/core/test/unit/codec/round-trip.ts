import { decode, encode } from '@multiproc/core'

/** Through bytes of its own, as a message travels. */
export function roundTrip<T>(value: T): T {
  return decode(Uint8Array.from(encode(value).bytes)) as T
}
