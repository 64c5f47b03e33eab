import { HANDLE } from '../codec/format.ts'
import { Reader } from '../codec/reader.ts'
import { MultiprocError } from '../errors/base.ts'
import { flightTables } from './flight-tables.ts'
import { handleTypeFor, type ArenaPlace, type FlightTable, type SentType } from './registry.ts'

/** One HANDLE of a message, as in-flight.ts writes it. */
interface Arrival {
  readonly sent: SentType
  readonly place: ArenaPlace
  readonly table: FlightTable
  readonly entry: number
  readonly token: number
  readonly extraAt: number
  readonly end: number
}

/** What the codec does with the messages inside a message. */
export interface NestedMessages {
  decode(bytes: Uint8Array, start: number, end: number): unknown
  adoptHandles(bytes: Uint8Array, start: number, end: number): void
  discard(bytes: Uint8Array, start: number, end: number): void
}

/** The handles of one received message, in order. */
export class HandleLandings {
  readonly #bytes: Uint8Array
  readonly #positions: readonly number[]
  readonly #end: number
  readonly #nested: NestedMessages
  readonly #types: SentType[] = []
  #next = 0

  constructor(bytes: Uint8Array, positions: readonly number[], end: number, nested: NestedMessages) {
    this.#bytes = bytes
    this.#positions = positions
    this.#end = end
    this.#nested = nested
  }

  /** The handle whose tag is at `position`, held by this thread; and where its record ends. */
  next(position: number): { value: unknown; end: number } {
    const arrival = this.#read(this.#next)
    if (this.#positions[this.#next] !== position) throw new Reader(this.#bytes, position, this.#end).bad('a handle is not announced')
    const { sent, place, table, entry, token } = arrival
    const type = handleTypeFor(sent)
    // Only now may the object's memory be touched: the flight keeps it, or its other holders do.
    if (!table.adoptFlight(entry, token) && !flightTables().attach(place, table)) {
      throw new MultiprocError('ERR_MULTIPROC_NOT_FOUND', `A handle '${sent.name}' was received whose object is gone: its sender died while sending it. Ask for it again.`, {
        details: { name: sent.name },
      })
    }
    const extra = this.#nested.decode(this.#bytes, arrival.extraAt, arrival.end)
    this.#next++
    try {
      return { value: type.revive({ ...place, extra }), end: arrival.end }
    } finally {
      // After revive: the handle holds the object itself by now. A failed one must not keep it either.
      table.land(entry, token)
    }
  }

  /** The flights die with this thread from now on. */
  adopt(): void {
    this.#positions.forEach((_, i) => {
      const { table, entry, token, extraAt, end } = this.#read(i)
      table.adoptFlight(entry, token)
      this.#nested.adoptHandles(this.#bytes, extraAt, end)
    })
  }

  /** Ends the flights of the handles that were not landed. */
  discard(): void {
    for (; this.#next < this.#positions.length; this.#next++) {
      const { table, entry, token, extraAt, end } = this.#read(this.#next)
      table.land(entry, token)
      this.#nested.discard(this.#bytes, extraAt, end)
    }
  }

  #read(index: number): Arrival {
    const reader = new Reader(this.#bytes, this.#positions[index] ?? this.#end, this.#end)
    if (reader.byte() !== HANDLE) throw reader.bad('a handle is missing')
    const number = reader.varint()
    if (reader.byte() === 1) {
      this.#types[number] = { name: reader.text(), package: reader.text(), version: reader.text(), module: reader.text() }
    }
    const sent = this.#types[number]
    if (sent === undefined) throw reader.bad('the type of a handle is not defined')
    const place = { offset: reader.float64(), generation: reader.uint32() }
    const holdersAt = place.offset + reader.varint()
    if (!Number.isSafeInteger(holdersAt) || holdersAt < 0 || holdersAt % 4 !== 0) throw reader.bad('a handle points nowhere')
    const [entry, token, length] = [reader.uint32(), reader.uint32(), reader.count()]
    return { sent, place, table: flightTables().at(holdersAt), entry, token, extraAt: reader.at, end: reader.at + length }
  }
}

/** Ends the flights; damaged bytes end it early, since nothing more can be read from them. */
export function discardFlights(landings: HandleLandings | undefined): void {
  try {
    landings?.discard()
  } catch (error) {
    if (!(error instanceof MultiprocError && error.code === 'ERR_MULTIPROC_BAD_FRAME')) throw error
  }
}
