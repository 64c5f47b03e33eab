/** So many at a time as take about so long, as far as the last ones tell. */
export class Portion {
  readonly #microseconds: number
  readonly #most: number
  readonly #inertia: number
  #mean = Infinity

  /**
   * @param microseconds - what all of a portion should take.
   * @param most - an upper bound, whatever is measured.
   * @param inertia - about how many short ones it takes until they count.
   */
  constructor(microseconds: number, most: number, inertia: number) {
    this.#microseconds = microseconds
    this.#most = Math.max(1, most)
    this.#inertia = inertia
  }

  get next(): number {
    return Math.max(1, Math.min(this.#most, Math.floor(this.#microseconds / this.#mean)))
  }

  /** So many ran for so long. */
  ran(items: number, microseconds: number): void {
    const each = Math.max(1, microseconds) / items
    // A long one counts at once, short ones have to be many: too small a portion costs little, too large a one makes others wait.
    this.#mean = each > this.#mean || this.#mean === Infinity ? each : this.#mean + (each - this.#mean) / this.#inertia
  }
}
