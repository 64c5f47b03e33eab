/**
 * Names that hold in the whole family for functions that travel by value. A class sent twice is one class at the other
 * end, and a function that comes home is the original again.
 */
import { randomUUID } from 'node:crypto'

/** This thread, among all threads of all processes. */
const home = randomUUID()
let made = 0
const ids = new WeakMap<Function, string>()
const functions = new Map<string, WeakRef<Function>>()

/** Without it the table would grow by an entry for every closure ever sent. */
const collected = new FinalizationRegistry<string>((id) => {
  // The id may name a newer copy by now.
  if (functions.get(id)?.deref() === undefined) functions.delete(id)
})

export function idOf(fn: Function): string {
  const known = ids.get(fn)
  if (known !== undefined) return known
  const id = `${home}:${++made}`
  remember(id, fn)
  return id
}

export function remember(id: string, fn: Function): void {
  ids.set(fn, id)
  functions.set(id, new WeakRef(fn))
  collected.register(fn, id)
}

/** The living function with this id: made here, or rebuilt here from a message. */
export function functionWith(id: string): Function | undefined {
  return functions.get(id)?.deref()
}

export function isFromHere(id: string): boolean {
  return id.startsWith(home)
}
