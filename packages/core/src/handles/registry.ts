import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { MultiprocError } from '../errors/base.ts'
import { oneTable } from '../one-table.ts'

/** A place in the arena: where, and which of the objects that were there one after another. */
export interface ArenaPlace {
  readonly offset: number
  readonly generation: number
}

/** An entry in an object's table of holders that stands for a message under way. */
export interface Flight {
  readonly entry: number
  readonly token: number
}

/** What is needed of an object's table of holders (holders.ts) to send a handle to it. */
export interface FlightTable {
  launch(): Flight
  commit(flight: Flight): void
  adoptFlight(entry: number, token: number): boolean
  land(entry: number, token: number): boolean
}

export interface ReducedHandle {
  readonly handle: ArenaPlace
  /** The table of those who hold this kind of handle (an end of a pipe has its own). */
  readonly holders: FlightTable
  /** Where that table begins, in bytes from `handle.offset`; default 0. */
  readonly holdersOffset?: number
  /** What else the other side needs: any value that can be sent, other handles included. */
  readonly extra?: unknown
}

export interface RevivedParts extends ArenaPlace {
  readonly extra: unknown
}

/** How one class of handles travels. */
export interface HandleType<H extends object = object> {
  readonly class: abstract new (...args: never[]) => H
  /** Package and class: `pipe.Connection`. The same in every version. */
  readonly name: string
  readonly package: string
  /** Changes when the layout in shared memory does; only equal versions understand each other. */
  readonly version: string
  /** `import.meta.url` of a module that registers the class when it is loaded. */
  readonly module: string
  /** Throws ERR_MULTIPROC_CLOSED for a closed handle (one whose `closed` is true is refused before). */
  reduce(handle: H): ReducedHandle
  /** Makes a handle of this process, which holds the object from then on. */
  revive(parts: RevivedParts): H
}

const { byClass, byName } = oneTable('handles', () => ({ byClass: new Map<unknown, HandleType>(), byName: new Map<string, HandleType>() }))

/** Makes instances of a class sendable: each message holds the object until the receiver does. */
export function registerHandle<H extends object>(type: HandleType<H>): void {
  byClass.set(type.class, type as unknown as HandleType)
  // A second copy of a package: its own handles are sent by its own type, those that come go to the first copy.
  if (!byName.has(type.name)) byName.set(type.name, type as unknown as HandleType)
}

/** The type of an instance; `exact` is false for a subclass of a handle class. */
export function handleTypeOf(proto: object | null): { type: HandleType; exact: boolean } | undefined {
  if (byClass.size === 0) return undefined
  for (let level = proto; level !== null && level !== Object.prototype; level = Object.getPrototypeOf(level)) {
    const type = byClass.get(level.constructor)
    if (type && type.class.prototype === level) return { type, exact: level === proto }
  }
  return undefined
}

/** What a message tells about the type of a handle in it. */
export interface SentType {
  readonly name: string
  readonly package: string
  readonly version: string
  readonly module: string
}

/** The type registered here under that name; its module is loaded when it is not known yet. */
export function handleTypeFor(sent: SentType): HandleType {
  if (!byName.has(sent.name)) loadModule(sent)
  const type = byName.get(sent.name)
  if (!type) {
    throw new MultiprocError('ERR_MULTIPROC_LAYOUT', `A handle '${sent.name}' was received, and ${sent.module} does not know it. Install one version of ${sent.package}.`, {
      details: { name: sent.name, module: sent.module },
    })
  }
  if (type.version !== sent.version) {
    throw new MultiprocError(
      'ERR_MULTIPROC_LAYOUT',
      `A handle '${sent.name}' of ${sent.package} with layout ${sent.version} (${sent.module}) was received; here it is layout ${type.version} (${type.module}). Install one version of ${sent.package}.`,
      { details: { name: sent.name, sent: sent.version, here: type.version } },
    )
  }
  return type
}

/** `require` loads ES modules, too (Node 20.19 and later), and unlike `import()` at once. */
function loadModule(sent: SentType): void {
  try {
    createRequire(import.meta.url)(fileURLToPath(sent.module))
  } catch (cause) {
    throw new MultiprocError('ERR_MULTIPROC_LAYOUT', `A handle '${sent.name}' was received, and its module ${sent.module} cannot be loaded here: see cause.`, {
      cause,
      details: { name: sent.name, module: sent.module },
    })
  }
}
