/**
 * Handles inside a message. The object a handle stands for must outlive its sender while the message is under way, so
 * the message itself is a holder: an entry in the object's table of holders, PENDING while the sender may still fail,
 * COMMITTED once the message is published, released when the receiver holds the object itself.
 *
 * Layout of HANDLE (after the tag)
 *   varint type, byte new                  number of the type in this message; 1 when it is followed by 4 strings, its
 *                                          name, package, version and module
 *   float64 offset, uint32 generation      the object
 *   varint                                 where its table of holders begins, from offset
 *   uint32 entry, uint32 token             the message's entry in the table of holders
 *   varint length, a message               extra; apart, so that it can be read without the rest (discard)
 *
 * Death between            leaves                          who repairs, how
 *   launch and publish     PENDING of a dead sender        nobody need: it does not count
 *   publish and commit     the same, message readable      the receiver adopts it, or attaches; else the handle is void
 *   taking and landing     PENDING of a dead receiver      nobody need (adoptHandles, right after taking)
 *   commit and end of      COMMITTED                       who sent it, by abort(), once the receiver is known to be dead;
 *   the whole channel                                      who finds the message unread, by discard()
 */
import type { Encoder } from '../codec/encode.ts'
import { HANDLE } from '../codec/format.ts'
import { article, className } from '../codec/refusals.ts'
import type { Writer } from '../codec/writer.ts'
import { MultiprocError } from '../errors/base.ts'
import { Moved } from './move.ts'
import { handleTypeOf, type Flight, type FlightTable, type HandleType } from './registry.ts'

export interface FlightsOfMessage {
  commit(): void
  abort(): void
}

/** The handles of one message that is being sent. */
export class HandleFlights implements FlightsOfMessage {
  readonly #flights: { holders: FlightTable; flight: Flight }[] = []
  readonly #nested: FlightsOfMessage[] = []
  readonly #positions: number[] = []
  readonly #types: HandleType[] = []
  readonly #moved: object[] = []
  #state: 'launched' | 'committed' | 'aborted' = 'launched'

  /** The number of a type in this message; -1 for a new one, which has a number now. */
  typeIndex(type: HandleType): number {
    const index = this.#types.indexOf(type)
    if (index < 0) this.#types.push(type)
    return index
  }

  get typeCount(): number {
    return this.#types.length
  }

  launch(holders: FlightTable): Flight {
    const flight = holders.launch()
    this.#flights.push({ holders, flight })
    return flight
  }

  addPosition(position: number): void {
    this.#positions.push(position)
  }

  addNested(flights: FlightsOfMessage): void {
    this.#nested.push(flights)
  }

  addMoved(handle: object): void {
    this.#moved.push(handle)
  }

  writePositions(out: Writer): void {
    out.varint(this.#positions.length)
    for (const position of this.#positions) out.varint(position)
  }

  commit(): void {
    if (this.#state !== 'launched') return
    this.#state = 'committed'
    for (const { holders, flight } of this.#flights) holders.commit(flight)
    for (const flights of this.#nested) flights.commit()
    for (const handle of this.#moved) (handle as { close(): void }).close()
  }

  /** After `commit`, too: the receiver has ended, and whatever it did not land nobody will. */
  abort(): void {
    if (this.#state === 'aborted') return
    this.#state = 'aborted'
    for (const { holders, flight } of this.#flights) holders.land(flight.entry, flight.token)
    for (const flights of this.#nested) flights.abort()
  }
}

/** Writes a handle (or a moved one); false if `value` is none. */
export function writeHandle(out: Encoder, value: object, proto: object | null): boolean {
  const handle = value instanceof Moved ? value.handle : value
  const found = handleTypeOf(handle === value ? proto : Object.getPrototypeOf(handle))
  if (!found) {
    if (handle !== value) throw out.refused({ kind: 'a move() of something that is no handle', advice: 'Send it without move().' })
    return false
  }
  const { type, exact } = found
  if (out.isForeign) throw out.refusedAbroad(article(type.class.name))
  if (!exact) {
    const kind = `${article(className(proto))}, a subclass of the handle class ${type.class.name}`
    throw out.refused({ kind, advice: `Send the ${type.class.name} it holds, or give the class a reducer (registerReducer).` })
  }
  if ((handle as { closed?: unknown }).closed === true) {
    throw new MultiprocError('ERR_MULTIPROC_CLOSED', `${out.path()} is a closed ${type.class.name}: it cannot be sent. Close it after its last use.`, {
      details: { path: out.path() },
    })
  }
  writeReduced(out, type, handle)
  if (handle !== value) out.handles().addMoved(handle)
  return true
}

function writeReduced(out: Encoder, type: HandleType, value: object): void {
  const { handle, holders, holdersOffset = 0, extra } = out.calling(() => type.reduce(value))
  const flights = out.handles()
  const flight = out.calling(() => flights.launch(holders))
  const nested = out.nested(extra)
  if (nested.hasHandles) flights.addNested(nested)
  flights.addPosition(out.at)
  out.byte(HANDLE)
  const index = flights.typeIndex(type)
  out.varint(index < 0 ? flights.typeCount - 1 : index)
  out.byte(index < 0 ? 1 : 0)
  if (index < 0) for (const text of [type.name, type.package, type.version, type.module]) out.string(text)
  out.float64(handle.offset)
  out.uint32(handle.generation)
  out.varint(holdersOffset)
  out.uint32(flight.entry)
  out.uint32(flight.token)
  out.varint(nested.length)
  out.raw(nested.bytes)
}
