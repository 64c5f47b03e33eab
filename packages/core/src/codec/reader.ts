import { MultiprocError } from '../errors/base.ts'
import * as format from './format.ts'

/** Node's own string copies; they work on any Uint8Array. */
const { latin1Slice, ucs2Slice } = Buffer.prototype as unknown as Record<
  'latin1Slice' | 'ucs2Slice',
  (this: Uint8Array, start: number, end: number) => string
>
const text = String.fromCharCode

/**
 * Reads a range of bytes that may be damaged or made by an enemy: each length is compared with the bytes that are left
 * before anything is made of it.
 */
export class Reader {
  bytes: Uint8Array
  at: number
  end: number
  /** Made when a number needs it: most small messages have none that does. */
  #view: DataView | undefined = undefined

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes
    this.at = start
    this.end = end
  }

  get view(): DataView {
    return (this.#view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength))
  }

  bad(fact: string): MultiprocError {
    return new MultiprocError('ERR_MULTIPROC_BAD_FRAME', `A received message is damaged: ${fact} at byte ${this.at}. See that only this library writes there.`, {
      details: { at: this.at },
    })
  }

  /** Throws unless `count` bytes are left. */
  need(count: number): void {
    if (count > this.end - this.at) throw this.bad(`${count} bytes are announced and ${this.end - this.at} are left`)
  }

  byte(): number {
    if (this.at >= this.end) throw this.bad('it ends too early')
    return this.bytes[this.at++] as number
  }

  varint(): number {
    let value = this.byte()
    if (value < 0x80) return value
    value &= 0x7f
    for (let shift = 7; shift < 35; shift += 7) {
      const next = this.byte()
      value += (next & 0x7f) * 2 ** shift
      if (next < 0x80) {
        if (value > 0xffff_ffff) break
        return value
      }
    }
    throw this.bad('a number has more than 32 bits')
  }

  /** A count of things that take at least a byte each. */
  count(): number {
    const count = this.varint()
    this.need(count)
    return count
  }

  uint32(): number {
    this.need(4)
    this.at += 4
    return this.view.getUint32(this.at - 4, true)
  }

  int16(): number {
    this.need(2)
    this.at += 2
    return this.view.getInt16(this.at - 2, true)
  }

  int32(): number {
    this.need(4)
    this.at += 4
    return this.view.getInt32(this.at - 4, true)
  }

  float64(): number {
    this.need(8)
    this.at += 8
    return this.view.getFloat64(this.at - 8, true)
  }

  bigint64(): bigint {
    this.need(8)
    this.at += 8
    return this.view.getBigInt64(this.at - 8, true)
  }

  /** A copy of the next `length` bytes. */
  copy(length: number): Uint8Array {
    this.need(length)
    const copy = new Uint8Array(length)
    copy.set(this.bytes.subarray(this.at, this.at + length))
    this.at += length
    return copy
  }

  /** Short ones character by character, which costs a third of a call out of JavaScript. */
  latin1(length: number): string {
    this.need(length)
    const b = this.bytes as unknown as number[]
    const p = this.at
    this.at = p + length
    switch (length) {
      case 0:
        return ''
      case 1:
        return text(b[p]!)
      case 2:
        return text(b[p]!, b[p + 1]!)
      case 3:
        return text(b[p]!, b[p + 1]!, b[p + 2]!)
      case 4:
        return text(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!)
      case 5:
        return text(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!)
      case 6:
        return text(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!)
      case 7:
        return text(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!)
      case 8:
        return text(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!)
      case 9:
        return text(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!, b[p + 8]!)
      case 10:
        return text(b[p]!, b[p + 1]!, b[p + 2]!, b[p + 3]!, b[p + 4]!, b[p + 5]!, b[p + 6]!, b[p + 7]!, b[p + 8]!, b[p + 9]!)
      default:
        return latin1Slice.call(this.bytes, p, p + length)
    }
  }

  /** A string with its tag. */
  text(): string {
    const tag = this.byte()
    if (tag >= format.SHORT_STRING && tag < format.SHORT_ARRAY) return this.latin1(tag & 31)
    if (tag === format.STRING) return this.latin1(this.varint())
    if (tag === format.WIDE_STRING) return this.utf16(this.varint())
    throw this.bad('a string is missing')
  }

  utf16(length: number): string {
    this.need(length * 2)
    this.at += length * 2
    return ucs2Slice.call(this.bytes, this.at - length * 2, this.at)
  }
}
