import { arena } from '../arena/family.ts'
import { allocator } from '../arena/family-allocator.ts'
import { currentThread } from '../parking/current-thread.ts'
import { Holders } from './holders.ts'
import type { ArenaPlace, FlightTable } from './registry.ts'

/** Finds the tables of holders that messages speak of. */
export interface FlightTables {
  /** The table at this byte of the arena. */
  at(offset: number): FlightTable
  /** Makes this thread a holder without a flight, if others keep the object alive. */
  attach(handle: ArenaPlace, table: FlightTable): boolean
}

const ofTheFamily: FlightTables = {
  at(offset) {
    const region = arena().region(offset)
    return new Holders(currentThread(), region.words, (offset - region.base) >> 2)
  },
  attach: (handle, table) => allocator().attach(handle, table as Holders),
}

let tables = ofTheFamily

export function flightTables(): FlightTables {
  return tables
}

/** For tests: handles of objects that lie in no arena. */
export function useFlightTables(other: FlightTables | undefined): void {
  tables = other ?? ofTheFamily
}
