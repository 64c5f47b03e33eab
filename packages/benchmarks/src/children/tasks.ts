export function add(a: number, b: number): number {
  return a + b
}

/** piscina hands over one argument. */
export function addPair({ a, b }: { a: number; b: number }): number {
  return a + b
}
