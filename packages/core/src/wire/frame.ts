/**
 * Frames as CPython's `multiprocessing.connection.Connection` writes them to a stream.
 *
 *   n <= 0x7fffffff   [int32 big-endian n][n bytes]
 *   larger            [-1 as int32][uint64 big-endian n][n bytes]; readers take this form for any n
 *
 * A reader knows nothing of how a peer cuts its writes: one byte at a time is as good as a thousand frames at once.
 */
import { MultiprocError } from '../errors/base.ts'

const SHORT_HEADER = 4
const LONG_HEADER = 12
const LONGEST_SHORT = 0x7fff_ffff

/** The header of a frame of `length` bytes. */
export function frameHeader(length: number): Buffer {
  if (length <= LONGEST_SHORT) {
    const header = Buffer.allocUnsafe(SHORT_HEADER)
    header.writeInt32BE(length)
    return header
  }
  const header = Buffer.allocUnsafe(LONG_HEADER)
  header.writeInt32BE(-1)
  header.writeBigUInt64BE(BigInt(length), SHORT_HEADER)
  return header
}

/**
 * Cuts a stream into frames. Nothing is allocated for a frame by what its header says: its parts are kept as they came, so
 * memory is bounded by what the peer really sent, and by `maxLength`.
 */
export class FrameReader {
  /** A longer frame is refused when its header is read. May be raised between frames: before and after authentication. */
  maxLength: number
  readonly #header = Buffer.alloc(LONG_HEADER)
  #headerFilled = 0
  /** Of the frame under way; -1 while its header is incomplete. */
  #length = -1
  #received = 0
  #parts: Uint8Array[] = []

  constructor(maxLength: number) {
    this.maxLength = maxLength
  }

  /** True between two frames: the only place where a stream may end. */
  get isBetweenFrames(): boolean {
    return this.#headerFilled === 0
  }

  /**
   * Takes the next bytes of the stream, up to the end of one frame.
   *
   * @returns how many of them it took, and the frame, if they completed one. Call again with the rest.
   * @throws ERR_MULTIPROC_BAD_FRAME for a length that cannot be, ERR_MULTIPROC_TOO_LARGE for one above `maxLength`: the
   * stream is of no use any more.
   */
  take(bytes: Uint8Array): { used: number; frame?: Buffer } {
    let used = 0
    while (this.#length < 0) {
      if (used === bytes.length) return { used }
      this.#header[this.#headerFilled++] = bytes[used++]!
      this.#readLength()
    }
    const part = bytes.subarray(used, used + this.#length - this.#received)
    if (part.length > 0) {
      this.#parts.push(part)
      this.#received += part.length
      used += part.length
    }
    if (this.#received < this.#length) return { used }
    const frame = Buffer.concat(this.#parts, this.#length)
    this.#parts = []
    this.#received = this.#headerFilled = 0
    this.#length = -1
    return { used, frame }
  }

  #readLength(): void {
    if (this.#headerFilled < SHORT_HEADER) return
    const short = this.#header.readInt32BE(0)
    if (short < -1) throw new MultiprocError('ERR_MULTIPROC_BAD_FRAME', `the peer announced a message of ${short} bytes: it does not speak this protocol. The connection is of no use any more.`)
    if (short === -1 && this.#headerFilled < LONG_HEADER) return
    const length = short === -1 ? this.#header.readBigUInt64BE(SHORT_HEADER) : BigInt(short)
    if (length > BigInt(this.maxLength)) {
      throw new MultiprocError('ERR_MULTIPROC_TOO_LARGE', `the peer announced a message of ${length} bytes, and ${this.maxLength} are allowed here. The connection is of no use any more.`, {
        details: { length, maxLength: this.maxLength },
      })
    }
    this.#length = Number(length)
  }
}
