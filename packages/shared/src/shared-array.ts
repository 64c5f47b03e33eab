import { argumentType, argumentValue, registerHandle, registerSharedView, SHARED_VIEW, type SentName } from '@multiproc/core'
import type { RLock } from '@multiproc/lock'
import { BLOCK_VERSION, SharedBlock } from './block.ts'
import { BlockHandle, type LockChoice } from './handle.ts'
import { ARRAY, receivedBlock } from './named-block.ts'
import { checkSharedOptions, makeBlock, type SharedOptions } from './options.ts'
import { Cells, checkValue, elementType, type ArrayOf, type ElementType, type TypeName, type Typecode, type ValueOf, type View } from './types.ts'

/**
 * Numbers of one type that threads and processes share, a fixed count of them. `at` and `set` are single atomic steps;
 * `array` is an ordinary typed array over the same memory, for speed. Groups of accesses need `.lock`.
 *
 * @remarks
 * `array` sent to another process arrives as a view of the same memory; other views of it (`subarray`) are refused, not
 * copied. After `close()` every view reads private zeros. `'c'` has bytes, with `value` (up to the first 0) and `raw`.
 * Python: `multiprocessing.Array`; slices are `array.subarray`, `array.slice`.
 *
 * @example
 * const sums = new SharedArray('float64', 10)
 * sums.set(0, 1.5)
 * sums.array.fill(2)
 */
export class SharedArray<N extends TypeName | Typecode = TypeName | Typecode> implements Disposable, Iterable<ValueOf<N>> {
  readonly type: N
  readonly length: number
  readonly #element: ElementType
  readonly #handle: BlockHandle
  readonly #cells: Cells
  #array: View | undefined

  /**
   * @param sizeOrItems - a length, all zero; or the values to begin with.
   * @throws ERR_MULTIPROC_ARG_TYPE, ERR_MULTIPROC_ARG_VALUE, ERR_MULTIPROC_UNKNOWN_OPTION, ERR_MULTIPROC_NO_MEMORY.
   */
  constructor(type: N, sizeOrItems: number | Iterable<ValueOf<N>>, options?: SharedOptions) {
    const call = 'new SharedArray()'
    this.#element = elementType(call, type)
    const revived = sizeOrItems as unknown
    const isRevived = revived instanceof SharedBlock
    const lock = isRevived ? (options as unknown as LockChoice) : checkSharedOptions(call, options)
    const items = isRevived || typeof sizeOrItems === 'number' ? undefined : itemsOf(call, this.#element, sizeOrItems)
    if (typeof sizeOrItems === 'number') checkSize(call, sizeOrItems)
    const length = items ? items.length : (sizeOrItems as number)
    const fill = (buffer: ArrayBuffer, offset: number): void => {
      const cells = new Cells(this.#element, buffer, offset, length)
      items?.forEach((item, i) => cells.set('item', i, item))
    }
    const block = isRevived ? revived : makeBlock(call, { kind: ARRAY, layout: this.#element.name, size: length * this.#element.bytes, fill }, options)
    this.type = type
    this.length = block.size / this.#element.bytes
    this.#handle = new BlockHandle(this, 'sharedArray', block, lock)
    const { buffer, offset } = block.inChunk() ?? { buffer: this.#handle.mapped(this), offset: 0 }
    this.#cells = new Cells(this.#element, buffer, offset, this.length)
    if (items && options?.name === undefined) fill(buffer, offset)
  }

  /** A typed array over the memory itself. Its assignments wrap, as those of typed arrays do. */
  get array(): ArrayOf<N> {
    this.#handle.checkOpen('array')
    if (this.#array === undefined) {
      const empty = this.length === 0
      this.#array = new this.#element.View(empty ? new ArrayBuffer(0) : this.#handle.mapped(this), 0, this.length)
      registerSharedView(this.#array, this)
    }
    return this.#array as ArrayOf<N>
  }

  get [SHARED_VIEW](): ArrayOf<N> {
    return this.array
  }

  /** One value, in one step; negative indices count from the end. @returns undefined outside of the array. */
  at(index: number): ValueOf<N> | undefined {
    this.#handle.checkOpen('at()')
    if (typeof index !== 'number') throw argumentType('sharedArray.at(): index', 'a number', index)
    const i = Math.trunc(index) || 0
    const place = i < 0 ? this.length + i : i
    return place < 0 || place >= this.length ? undefined : (this.#cells.get(place) as ValueOf<N>)
  }

  /** @throws RangeError for an index outside of the array, or a value the type cannot hold. */
  set(index: number, value: ValueOf<N>): void {
    this.#cells.set('sharedArray.set(): value', this.#place('set()', index), value)
  }

  /** Adds in one step. @returns the old value. @throws RangeError as `set`; nothing is changed then. */
  add(index: number, n: ValueOf<N>): ValueOf<N> {
    return this.#cells.add('sharedArray.add(): n', this.#place('add()', index), n) as ValueOf<N>
  }

  /** @returns the old value. */
  exchange(index: number, value: ValueOf<N>): ValueOf<N> {
    return this.#cells.exchange('sharedArray.exchange(): value', this.#place('exchange()', index), value) as ValueOf<N>
  }

  /** @returns what was there: `expected` means that it was replaced. */
  compareExchange(index: number, expected: ValueOf<N>, value: ValueOf<N>): ValueOf<N> {
    return this.#cells.compareExchange('sharedArray.compareExchange()', this.#place('compareExchange()', index), expected, value) as ValueOf<N>
  }

  *[Symbol.iterator](): IterableIterator<ValueOf<N>> {
    for (let i = 0; i < this.length; i++) yield this.at(i) as ValueOf<N>
  }

  /** With type `'c'`: a copy of the bytes up to the first 0. Assigned bytes are followed by a 0 where there is room. */
  get value(): Uint8Array {
    const raw = this.raw
    const end = raw.indexOf(0)
    return end < 0 ? raw : raw.slice(0, end)
  }

  set value(bytes: Uint8Array) {
    this.#checkBytes('value', bytes)
    const target = this.array as Uint8Array
    target.set(bytes)
    if (bytes.length < this.length) target[bytes.length] = 0
  }

  /** With type `'c'`: a copy of all bytes. Assigned bytes leave those behind them as they are. */
  get raw(): Uint8Array {
    this.#checkIsBytes('raw')
    return Uint8Array.from(this.array as Uint8Array)
  }

  set raw(bytes: Uint8Array) {
    this.#checkBytes('raw', bytes)
    ;(this.array as Uint8Array).set(bytes)
  }

  /** The lock of this array, the same one in all processes. @throws ERR_MULTIPROC_UNSUPPORTED with `{ lock: false }`. */
  get lock(): RLock {
    return this.#handle.lock()
  }

  get closed(): boolean {
    return this.#handle.closed
  }

  /** Gives this handle up, and empties its views; other handles go on. Closing twice is harmless. */
  close(): void {
    this.#handle.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #place(call: string, index: number): number {
    this.#handle.checkOpen(call)
    if (typeof index !== 'number') throw argumentType(`sharedArray.${call}: index`, 'a number', index)
    if (!Number.isInteger(index) || index < 0 || index >= this.length) throw argumentValue(`sharedArray.${call}: index`, `an integer from 0 to ${this.length - 1}`, index)
    return index
  }

  #checkIsBytes(property: string): void {
    if (this.type !== 'c') throw argumentType(`sharedArray.${property}: the array's type`, "'c'; use `array` for others", this.type)
  }

  #checkBytes(property: string, bytes: unknown): void {
    this.#checkIsBytes(property)
    if (!(bytes instanceof Uint8Array)) throw argumentType(`sharedArray.${property}`, 'a Uint8Array', bytes)
    if (bytes.length > this.length) throw argumentValue(`sharedArray.${property}: its length`, `at most ${this.length}`, bytes.length)
  }

  static {
    registerHandle<SharedArray>({
      class: SharedArray,
      name: 'shared.SharedArray',
      package: '@multiproc/shared',
      version: BLOCK_VERSION,
      module: import.meta.url,
      reduce: (array) => {
        const { name, ...place } = array.#handle.block.sent()
        return { ...place, extra: [array.type, array.#handle.lockToSend(), name] }
      },
      revive: ({ extra, ...place }) => {
        const [type, lock, name] = extra as [Typecode, LockChoice, SentName | undefined]
        return new SharedArray(type, receivedBlock(ARRAY, place, name) as never, lock as never)
      },
    })
  }
}

function checkSize(call: string, size: number): void {
  if (!Number.isSafeInteger(size) || size < 0) throw argumentValue(`${call}: sizeOrItems`, 'an integer from 0 on', size)
}

function itemsOf(call: string, element: ElementType, items: unknown): unknown[] {
  if (typeof items !== 'object' || items === null || !(Symbol.iterator in items)) throw argumentType(`${call}: sizeOrItems`, 'a length or an iterable of values', items)
  const list = [...(items as Iterable<unknown>)]
  list.forEach((item, i) => checkValue(`${call}: items[${i}]`, element, item))
  return list
}
