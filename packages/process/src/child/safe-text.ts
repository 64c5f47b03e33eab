import { inspect } from 'node:util'

/** Something thrown as text for people, whatever it is: a thrown value may have a `toString` that throws. */
export function safeText(thrown: unknown): string {
  for (const show of [inspect, String]) {
    try {
      return show(thrown)
    } catch {
      continue
    }
  }
  return 'a value that cannot be shown'
}
