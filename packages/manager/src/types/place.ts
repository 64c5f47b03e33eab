import { argumentType, argumentValue } from '@multiproc/core'

/** -1 is the last item, as in `at`. Nothing is stored outside: a list would have holes. */
export function placeOf(name: string, noun: string, { length }: { readonly length: number }, index: unknown, last = length - 1): number {
  if (typeof index !== 'number') throw argumentType(`${name}: index`, 'a number', index)
  const place = index < 0 ? index + length : index
  if (!Number.isInteger(place) || place < 0 || place > last) throw argumentValue(`${name}: index`, `a place in the ${noun}, which has ${length} items`, index)
  return place
}
