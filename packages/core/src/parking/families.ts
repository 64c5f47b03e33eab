/**
 * The thread tables that this thread can reach: that of its own family, and those of the families it meets at named objects.
 * A thread of another family is named by a *far id*, made here and valid in this thread only, never in shared memory:
 * number of the family << 27 | owner id. Whoever sleeps, wakes, rings and watches takes both kinds.
 */
import type { ThreadTable } from '../arena/thread-table.ts'
import type { SharedWords } from '../os/contract.ts'

const FAMILY = 2 ** 27
const ID = FAMILY - 1

export interface Family {
  readonly table: ThreadTable
  readonly chunk: SharedWords
  /** Where its pipes are, for backends that give them a folder; '' in the own family. */
  readonly place: string
}

export class Families {
  readonly own: Family
  readonly #far: (Family | undefined)[] = []
  #blank: Family | undefined

  constructor(own: Family) {
    this.own = own
  }

  of(id: number): Family {
    return id < FAMILY ? this.own : this.#far[Math.floor(id / FAMILY) - 1]!
  }

  /** A family that was not known, from now on under that number. */
  add(family: Family): number {
    return this.#far.push(family)
  }

  /** All its threads are dead, and its table holds zeros now, which say so: that of one of them will do for all. */
  drop(number: number): void {
    this.#far[number - 1] = this.#blank ??= this.#far[number - 1]
  }

  isDead(id: number): boolean {
    return this.of(id).table.isDead(id & ID)
  }
}

/** The id by which the family itself knows the thread. */
export function idAtHome(id: number): number {
  return id & ID
}

export function farId(family: number, id: number): number {
  return family * FAMILY + id
}
