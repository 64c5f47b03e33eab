/** How many objects are looked for one by one. */
const LISTED = 8

/**
 * The objects of one message in the order they were met. Finding whether one was met before must cost little, because
 * every object pays it and hardly any was: a short list, then a Set whose size tells, and a Map only after the first hit.
 */
export class Seen {
  #list: (object | undefined)[] = []
  #set: Set<object> | undefined
  #map: Map<object, number> | undefined
  #count = 0

  /** The number of an object met before; else -1, and it has a number now. */
  indexOrAdd(value: object): number {
    const count = this.#count
    if (count < LISTED) {
      for (let i = 0; i < count; i++) if (this.#list[i] === value) return i
    } else if (this.#map) {
      const known = this.#map.get(value)
      if (known !== undefined) return known
      this.#map.set(value, count)
    } else {
      this.#set ??= new Set(this.#list as object[])
      this.#set.add(value)
      if (this.#set.size === count) return this.#indexFromMap(value)
    }
    this.#list[count] = value
    this.#count = count + 1
    return -1
  }

  #indexFromMap(value: object): number {
    this.#map = new Map()
    for (let i = 0; i < this.#count; i++) this.#map.set(this.#list[i] as object, i)
    return this.#map.get(value) as number
  }

  clear(): void {
    if (this.#count > LISTED) this.#list = []
    else for (let i = 0; i < this.#count; i++) this.#list[i] = undefined
    this.#set = this.#map = undefined
    this.#count = 0
  }
}
