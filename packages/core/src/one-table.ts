/**
 * A program may hold several copies of this package in one thread: two versions installed, or one file reached by two
 * names (Node 20 does so for symbolic links, with `require` of ES modules). What is registered with one copy must be known
 * to all, so such tables hang on the global object, under a name that changes with their shape.
 */
export function oneTable<T extends object>(name: string, make: () => T): T {
  const key = Symbol.for(`multiproc.${name}/1`)
  const holder = globalThis as { [key: symbol]: T | undefined }
  const found = holder[key]
  if (found !== undefined) return found
  const made = make()
  Object.defineProperty(globalThis, key, { value: made })
  return made
}
