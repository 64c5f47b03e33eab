import { registerHandle, type SentName } from '@multiproc/core'
import type { RLock } from '@multiproc/lock'
import { BLOCK_VERSION, SharedBlock } from './block.ts'
import { BlockHandle, type LockChoice } from './handle.ts'
import { receivedBlock, VALUE } from './named-block.ts'
import { checkSharedOptions, makeBlock, type SharedOptions } from './options.ts'
import { Cells, checkValue, elementType, type TypeName, type Typecode, type ValueOf } from './types.ts'

/**
 * One number that threads and processes share. Each access is a single atomic step; `add`, `exchange` and `compareExchange`
 * need no lock. A group of accesses does: `.lock`.
 *
 * @remarks Out-of-range values, and sums, are a RangeError (ERR_MULTIPROC_ARG_VALUE) that changes nothing. The 64-bit types hold bigints.
 * All throw ERR_MULTIPROC_CLOSED after `close()`. Python: `multiprocessing.Value`; its `get_lock()` is `.lock`.
 *
 * @example
 * const hits = new SharedValue('int32')
 * new Process({ target: (hits: SharedValue<'int32'>) => hits.add(1), args: [hits] }).start()
 */
export class SharedValue<N extends TypeName | Typecode = TypeName | Typecode> implements Disposable {
  readonly type: N
  readonly #handle: BlockHandle
  readonly #cells: Cells

  /** @throws ERR_MULTIPROC_ARG_TYPE, ERR_MULTIPROC_ARG_VALUE, ERR_MULTIPROC_UNKNOWN_OPTION, ERR_MULTIPROC_NO_MEMORY. */
  constructor(type: N, initial?: ValueOf<N>, options?: SharedOptions) {
    const call = 'new SharedValue()'
    const element = elementType(call, type)
    const revived = initial as unknown
    const isRevived = revived instanceof SharedBlock
    const lock = isRevived ? (options as unknown as LockChoice) : checkSharedOptions(call, options)
    if (!isRevived && initial !== undefined) checkValue(`${call}: initial`, element, initial)
    const first = isRevived ? undefined : initial
    const fill = (buffer: ArrayBuffer, offset: number): void => {
      if (first !== undefined) new Cells(element, buffer, offset, 1).set('initial', 0, first)
    }
    const block = isRevived ? revived : makeBlock(call, { kind: VALUE, layout: element.name, size: 8, fill }, options)
    this.type = type
    this.#handle = new BlockHandle(this, 'sharedValue', block, lock)
    const { buffer, offset } = block.inChunk() as { buffer: ArrayBuffer; offset: number }
    this.#cells = new Cells(element, buffer, offset, 1)
    if (!isRevived && options?.name === undefined) fill(buffer, offset)
  }

  get value(): ValueOf<N> {
    this.#handle.checkOpen('value')
    return this.#cells.get(0) as ValueOf<N>
  }

  set value(value: ValueOf<N>) {
    this.#handle.checkOpen('value')
    this.#cells.set('sharedValue.value', 0, value)
  }

  /** Adds in one step. @returns the old value. @throws RangeError if the sum does not fit; nothing is changed then. */
  add(n: ValueOf<N>): ValueOf<N> {
    this.#handle.checkOpen('add()')
    return this.#cells.add('sharedValue.add(): n', 0, n) as ValueOf<N>
  }

  /** @returns the old value. */
  exchange(value: ValueOf<N>): ValueOf<N> {
    this.#handle.checkOpen('exchange()')
    return this.#cells.exchange('sharedValue.exchange(): value', 0, value) as ValueOf<N>
  }

  /** Puts `value` there if `expected` is. @returns what was there: `expected` means that it was replaced. */
  compareExchange(expected: ValueOf<N>, value: ValueOf<N>): ValueOf<N> {
    this.#handle.checkOpen('compareExchange()')
    return this.#cells.compareExchange('sharedValue.compareExchange()', 0, expected, value) as ValueOf<N>
  }

  /** The lock of this value, the same one in all processes. @throws ERR_MULTIPROC_UNSUPPORTED with `{ lock: false }`. */
  get lock(): RLock {
    return this.#handle.lock()
  }

  get closed(): boolean {
    return this.#handle.closed
  }

  /** Gives this handle up; the others go on. Closing twice is harmless. */
  close(): void {
    this.#handle.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  static {
    registerHandle<SharedValue>({
      class: SharedValue,
      name: 'shared.SharedValue',
      package: '@multiproc/shared',
      version: BLOCK_VERSION,
      module: import.meta.url,
      reduce: (value) => {
        const { name, ...place } = value.#handle.block.sent()
        return { ...place, extra: [value.type, value.#handle.lockToSend(), name] }
      },
      revive: ({ extra, ...place }) => {
        const [type, lock, name] = extra as [Typecode, LockChoice, SentName | undefined]
        return new SharedValue(type, receivedBlock(VALUE, place, name) as never, lock as never)
      },
    })
  }
}
