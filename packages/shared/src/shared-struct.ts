import { argumentType, argumentValue, registerHandle, type SentName } from '@multiproc/core'
import type { RLock } from '@multiproc/lock'
import { BLOCK_VERSION, SharedBlock } from './block.ts'
import { BlockHandle, type LockChoice } from './handle.ts'
import { receivedBlock, STRUCT } from './named-block.ts'
import { checkSharedOptions, makeBlock, type SharedOptions } from './options.ts'
import { Cells, elementType, type TypeName, type Typecode, type ValueOf } from './types.ts'

export type StructFields = Readonly<Record<string, TypeName | Typecode>>
export type StructValues<S extends StructFields> = { -readonly [K in keyof S]: ValueOf<S[K]> }
/** A struct: its fields are properties. */
export type SharedStruct<S extends StructFields = StructFields> = StructHandle<S> & StructValues<S>

class StructHandle<S extends StructFields> implements Disposable {
  /** The fields and their types, as the struct was made with. */
  readonly fields: S
  readonly #handle: BlockHandle
  readonly #cells = new Map<string, Cells>()

  constructor(fields: S, options?: SharedOptions) {
    const call = 'new SharedStruct()'
    const revived = options as unknown
    const isRevived = Array.isArray(revived) && revived[0] instanceof SharedBlock
    const lock = isRevived ? (revived[1] as LockChoice) : checkSharedOptions(call, options)
    const { places, size } = layoutOf(call, fields)
    const block = isRevived ? (revived[0] as SharedBlock) : makeBlock(call, { kind: STRUCT, layout: places.map(({ field, type }) => `${field}:${type.name}`).join(), size }, options)
    this.fields = Object.freeze({ ...fields })
    this.#handle = new BlockHandle(this, 'sharedStruct', block, lock)
    const { buffer, offset } = block.inChunk() ?? { buffer: this.#handle.mapped(this), offset: 0 }
    for (const { field, type, at } of places) {
      const cells = new Cells(type, buffer, offset + at, 1)
      this.#cells.set(field, cells)
      Object.defineProperty(this, field, {
        enumerable: true,
        get: () => (this.#handle.checkOpen(field), cells.get(0)),
        set: (value: unknown) => (this.#handle.checkOpen(field), cells.set(`sharedStruct.${field}`, 0, value)),
      })
    }
  }

  /** Adds to a field in one step. @returns the old value. @throws RangeError if the sum does not fit; nothing is changed then. */
  add<K extends keyof S & string>(field: K, n: ValueOf<S[K]>): ValueOf<S[K]> {
    return this.#cell('add()', field).add('sharedStruct.add(): n', 0, n) as ValueOf<S[K]>
  }

  /** @returns the old value of the field. */
  exchange<K extends keyof S & string>(field: K, value: ValueOf<S[K]>): ValueOf<S[K]> {
    return this.#cell('exchange()', field).exchange('sharedStruct.exchange(): value', 0, value) as ValueOf<S[K]>
  }

  /** @returns what was in the field: `expected` means that it was replaced. */
  compareExchange<K extends keyof S & string>(field: K, expected: ValueOf<S[K]>, value: ValueOf<S[K]>): ValueOf<S[K]> {
    return this.#cell('compareExchange()', field).compareExchange('sharedStruct.compareExchange()', 0, expected, value) as ValueOf<S[K]>
  }

  /** A new struct with the same values, shared with nobody yet, and a lock of its own. Python: `sharedctypes.copy`. */
  copy(): SharedStruct<S> {
    this.#handle.checkOpen('copy()')
    const copy = new StructHandle(this.fields)
    for (const [field, cells] of this.#cells) copy.#cells.get(field)?.set(field, 0, cells.get(0))
    return copy as SharedStruct<S>
  }

  /** The lock of this struct, the same one in all processes. @throws ERR_MULTIPROC_UNSUPPORTED with `{ lock: false }`. */
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

  #cell(call: string, field: string): Cells {
    this.#handle.checkOpen(call)
    const cells = this.#cells.get(field)
    if (!cells) throw argumentValue(`sharedStruct.${call}: field`, `one of ${[...this.#cells.keys()].join(', ')}`, field)
    return cells
  }

  static {
    registerHandle<StructHandle<StructFields>>({
      class: StructHandle,
      name: 'shared.SharedStruct',
      package: '@multiproc/shared',
      version: BLOCK_VERSION,
      module: import.meta.url,
      reduce: (struct) => {
        const { name, ...place } = struct.#handle.block.sent()
        return { ...place, extra: [struct.fields, struct.#handle.lockToSend(), name] }
      },
      revive: ({ extra, ...place }) => {
        const [fields, lock, name] = extra as [StructFields, LockChoice, SentName | undefined]
        return new StructHandle(fields, [receivedBlock(STRUCT, place, name), lock] as never)
      },
    })
  }
}

/**
 * Named numbers of several types that threads and processes share. Each field is a property, read and written in one atomic
 * step; `add`, `exchange` and `compareExchange` take its name. Groups of accesses need `.lock`.
 *
 * @remarks Out-of-range values are a RangeError that changes nothing. Python: `Value` of a `ctypes.Structure`.
 *
 * @example
 * const point = new SharedStruct({ x: 'float64', hits: 'int32' })
 * point.x = 1.5
 * point.add('hits', 1)
 */
export const SharedStruct = StructHandle as unknown as new <const S extends StructFields>(fields: S, options?: SharedOptions) => SharedStruct<S>

/** Each field at a multiple of its own size, in the given order. */
function layoutOf(call: string, fields: unknown) {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) throw argumentType(`${call}: fields`, "an object like { x: 'float64' }", fields)
  let size = 0
  const places = Object.entries(fields).map(([field, code]) => {
    if (reserved.has(field)) throw argumentValue(`${call}: a field's name`, `none of ${[...reserved].join(', ')}`, field)
    const type = elementType(`${call}: field ${field}`, code)
    const at = Math.ceil(size / type.bytes) * type.bytes
    size = at + type.bytes
    return { field, type, at }
  })
  if (places.length === 0) throw argumentValue(`${call}: fields`, 'at least one field', fields)
  return { places, size }
}

const reserved = new Set([...Object.getOwnPropertyNames(StructHandle.prototype), ...Object.getOwnPropertyNames(Object.prototype), 'fields', 'then'])
