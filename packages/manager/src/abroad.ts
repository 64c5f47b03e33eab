import type { Link } from './link.ts'
import type { ObjectId } from './protocol.ts'
import type { Reference } from './proxy.ts'

/** One end of a connection between machines, while a message for the other end is written or read. */
export interface Abroad {
  /** The server at one end: proxies of its objects go through, and no others. */
  readonly key: string
  /** The object goes to the other end: what it is called there. */
  sending?(id: ObjectId): ObjectId | undefined
  /** The object that the other end names. */
  reference(type: string, id: ObjectId): { link: Link; referent: Reference } | undefined
}

let abroad: Abroad | undefined

/** Whom the message that is being written or read is for, or from. */
export function currentConnection(): Abroad | undefined {
  return abroad
}

/** Runs `body`, which writes or reads a message of a connection. */
export function through<T>(connection: Abroad, body: () => T): T {
  const before = abroad
  abroad = connection
  try {
    return body()
  } finally {
    abroad = before
  }
}
