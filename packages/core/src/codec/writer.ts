import { MultiprocError } from '../errors/base.ts'
import * as format from './format.ts'

/** Node's own string copies, on every Uint8Array; faster than TextEncoder, and exact for lone surrogates. */
interface StringWriter {
  latin1Write(text: string, at: number, length: number): number
  ucs2Write(text: string, at: number, length: number): number
}

const FIRST_BYTES = 16 * 1024
/** A larger scratch is given back before the next message. */
const KEPT_BYTES = 4 * 1024 * 1024
/** Shorter strings are written by a loop: a call out of JavaScript costs more. */
const LOOP_CHARACTERS = 24
const wide = /[^\x00-\xff]/

/** Bytes that grow: the scratch a message is written into. */
export class Writer {
  bytes: Uint8Array & StringWriter = allocate(FIRST_BYTES)
  view = new DataView(this.bytes.buffer)
  at = 0

  rewind(): void {
    this.at = 0
    if (this.bytes.length > KEPT_BYTES) this.#use(allocate(FIRST_BYTES))
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.at + count > this.bytes.length) this.#grow(count)
  }

  byte(value: number): void {
    if (this.at === this.bytes.length) this.#grow(1)
    this.bytes[this.at++] = value
  }

  varint(value: number): void {
    if (this.at + 5 > this.bytes.length) this.#grow(5)
    let rest = value
    while (rest > 0x7f) {
      this.bytes[this.at++] = (rest & 0x7f) | 0x80
      rest = rest >>> 7
    }
    this.bytes[this.at++] = rest
  }

  uint32(value: number): void {
    this.reserve(4)
    this.view.setUint32(this.at, value, true)
    this.at += 4
  }

  float64(value: number): void {
    this.reserve(8)
    this.view.setFloat64(this.at, value, true)
    this.at += 8
  }

  raw(source: Uint8Array): void {
    const { length } = source
    this.reserve(length)
    if (length < 64) for (let i = 0; i < length; i++) this.bytes[this.at + i] = source[i] as number
    else this.bytes.set(source, this.at)
    this.at += length
  }

  number(value: number): void {
    if (this.at + 9 > this.bytes.length) this.#grow(9)
    const { bytes } = this
    if (value === (value | 0) && (value !== 0 || 1 / value > 0)) {
      if (value >= 0 && value < 0x80) {
        bytes[this.at++] = value
      } else if (value >= -0x8000 && value < 0x8000) {
        bytes[this.at++] = format.INT16
        bytes[this.at++] = value
        bytes[this.at++] = value >> 8
      } else {
        bytes[this.at++] = format.INT32
        this.view.setInt32(this.at, value, true)
        this.at += 4
      }
    } else {
      bytes[this.at++] = format.FLOAT
      this.view.setFloat64(this.at, value, true)
      this.at += 8
    }
  }

  string(text: string): void {
    const { length } = text
    if (this.at + length + 6 > this.bytes.length) this.#grow(length + 6)
    if (length < LOOP_CHARACTERS) {
      const { bytes } = this
      const start = this.at
      bytes[start] = format.SHORT_STRING | length
      let i = 0
      for (; i < length; i++) {
        const unit = text.charCodeAt(i)
        if (unit > 0xff) break
        bytes[start + 1 + i] = unit
      }
      if (i === length) {
        this.at = start + 1 + length
        return
      }
      this.#wideString(text)
    } else if (wide.test(text)) {
      this.#wideString(text)
    } else {
      this.byte(format.STRING)
      this.varint(length)
      this.bytes.latin1Write(text, this.at, length)
      this.at += length
    }
  }

  #wideString(text: string): void {
    const { length } = text
    this.reserve(length * 2 + 6)
    this.byte(format.WIDE_STRING)
    this.varint(length)
    this.bytes.ucs2Write(text, this.at, length * 2)
    this.at += length * 2
  }

  #grow(count: number): void {
    const needed = this.at + count
    if (needed > format.MAX_MESSAGE_BYTES) {
      throw new MultiprocError(
        'ERR_MULTIPROC_TOO_LARGE',
        `The message is longer than ${format.MAX_MESSAGE_BYTES} bytes. Send it in parts, or keep the data in a SharedArray.`,
        { details: { limit: format.MAX_MESSAGE_BYTES } },
      )
    }
    const grown = allocate(Math.max(needed, Math.min(this.bytes.length * 2, format.MAX_MESSAGE_BYTES)))
    grown.set(this.bytes.subarray(0, this.at))
    this.#use(grown)
  }

  #use(bytes: Writer['bytes']): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer)
  }
}

function allocate(length: number): Writer['bytes'] {
  return Buffer.allocUnsafeSlow(length) as unknown as Writer['bytes']
}
