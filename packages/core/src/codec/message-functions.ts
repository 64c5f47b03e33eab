import { functionShipper, type FunctionRecord, type FunctionShipper, type FunctionTable } from '../contracts/functions.ts'

/** The functions of one message that is being written, in the order they were asked for. */
export class MessageFunctions implements FunctionTable {
  readonly shipper: FunctionShipper
  readonly list: Function[] = []
  readonly heads: unknown[] = []
  readonly #indices = new Map<Function, number>()

  constructor(shipper: FunctionShipper) {
    this.shipper = shipper
  }

  indexOf(fn: Function): number {
    const known = this.#indices.get(fn)
    if (known !== undefined) return known
    const index = this.list.push(fn) - 1
    this.#indices.set(fn, index)
    return index
  }

  /** True once, for a function that has no head yet. */
  isNew(index: number): boolean {
    return !Object.hasOwn(this.heads, index)
  }

  /** Describes function `index`, once; `needed` are the functions its head asked for first. */
  describe(index: number): { record: FunctionRecord; needed: readonly Function[] } {
    const before = this.list.length
    this.heads[index] = undefined
    const record = this.shipper.describe(this.list[index] as Function, this)
    this.heads[index] = record.head
    return { record, needed: this.list.slice(before) }
  }
}

export function newMessageFunctions(): MessageFunctions | undefined {
  const shipper = functionShipper()
  return shipper && new MessageFunctions(shipper)
}
