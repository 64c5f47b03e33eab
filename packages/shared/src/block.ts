import { allocator, arena, CHUNK_BYTES, currentThread, Holders, HOLDERS_BYTES, MultiprocError, os, type ArenaPlace, type SentName, type Window } from '@multiproc/core'
import { RLock } from '@multiproc/lock'

/**
 * A block of the arena with a program's bytes in it.
 *
 * Layout v1 (bytes from the payload's start)                       | writer     | reader
 *   0      Holders: who has a handle (core holders.ts)             | holders    | all
 *   4,096  int32 magic, with the layout version                    | creator    | all, on attach
 *   4,104  float64 length of the bytes                             | creator    | all, on attach
 *   4,160  the bytes                                               | anybody    | anybody
 *
 * Death between                        leaves                      who repairs, how
 *   alloc and the magic                a block of a dead thread    sweep: nobody else stands in its Holders
 *   two writes of the program          what the program wrote      the program (its lock tells: `abandoned`)
 */
const BLOCK_MAGIC = 0x4d_50_53_31 // 'MPS1': the last character is the layout version
export const BLOCK_VERSION = '1'
const HEAD = HOLDERS_BYTES
const DATA = HEAD + 64

/** What a block is in this thread: one for all handles that its code has on it. */
export abstract class SharedBlock {
  abstract readonly size: number
  /** How it travels: beside what its class adds. */
  abstract sent(): { handle: ArenaPlace; holders: Holders; name: SentName | undefined }
  #handles = 0

  static create(size: number): SharedBlock {
    return ArenaBlock.create(size)
  }

  /** The block without a name that a message told of, whose flight keeps it during the call. */
  static attach(place: ArenaPlace): SharedBlock {
    return ArenaBlock.attach(place)
  }

  retain(): void {
    if (this.#handles === 0) this.enter()
    this.#handles++
  }

  /** With the last handle of this thread it leaves the block; with the last thread the block goes. */
  release(): void {
    if (--this.#handles === 0) this.leave()
  }

  /** The bytes where the library itself may use them, if they lie in one chunk. Never to be shown to a program. */
  abstract inChunk(): { buffer: ArrayBuffer; offset: number } | undefined
  /** The bytes in a mapping of their own. */
  abstract map(): { pages: Pages; buffer: ArrayBuffer }
  /** A lock of its own, for the first who needs one. */
  abstract makeLock(): RLock
  protected abstract enter(): void
  protected abstract leave(): void
}

class ArenaBlock extends SharedBlock {
  readonly size: number
  readonly #place: ArenaPlace
  readonly #holders: Holders

  private constructor(place: ArenaPlace, size?: number) {
    super()
    const { ops, words, at, lengths } = headOf(place)
    this.#holders = new Holders(currentThread(), words, at)
    if (size !== undefined) {
      lengths[0] = size
      ops.store(words, at + (HEAD >> 2), BLOCK_MAGIC)
    }
    const magic = ops.load(words, at + (HEAD >> 2))
    if (magic !== BLOCK_MAGIC) {
      throw new MultiprocError('ERR_MULTIPROC_LAYOUT', `there is no shared block of layout ${BLOCK_MAGIC.toString(16)} at arena offset ${place.offset}, but ${magic.toString(16)}. Install one version of @multiproc/shared.`, {
        details: { expected: BLOCK_MAGIC, got: magic },
      })
    }
    this.#place = place
    this.size = lengths[0] as number
    ofThisThread.set(place.offset, this)
  }

  static override create(size: number): ArenaBlock {
    return new ArenaBlock(allocator().alloc(DATA + size, { held: true }), size)
  }

  static override attach(place: ArenaPlace): ArenaBlock {
    const known = ofThisThread.get(place.offset)
    return known !== undefined && known.#place.generation === place.generation ? known : new ArenaBlock(place)
  }

  sent(): { handle: ArenaPlace; holders: Holders; name: undefined } {
    return { handle: this.#place, holders: this.#holders, name: undefined }
  }

  protected enter(): void {
    this.#holders.join()
  }

  protected leave(): void {
    ofThisThread.delete(this.#place.offset)
    this.#holders.leave()
    allocator().reclaim(this.#place)
  }

  inChunk(): { buffer: ArrayBuffer; offset: number } | undefined {
    const { bytes, base } = arena().region(this.#place.offset)
    const offset = this.#place.offset - base + DATA
    return offset + this.size <= CHUNK_BYTES ? { buffer: bytes.buffer as ArrayBuffer, offset: bytes.byteOffset + offset } : undefined
  }

  map(): { pages: Pages; buffer: ArrayBuffer } {
    return Pages.map(arena().fd, this.#place.offset + DATA, this.size)
  }

  makeLock(): RLock {
    return new RLock()
  }
}

function headOf(place: ArenaPlace) {
  const { words, base } = arena().region(place.offset)
  const start = place.offset - base
  const lengths = new Float64Array(words.buffer, words.byteOffset + start + HEAD + 8, 1)
  return { ops: currentThread().ops, words, at: start >> 2, lengths }
}

const ofThisThread = new Map<number, ArenaBlock>()

/**
 * The pages of memory that programs see: a mapping of its own, so that it can be taken back from under their views. It is
 * never unmapped. After `blank` each view, however it was made, finds zeros that nobody else sees.
 */
export class Pages {
  readonly #pages: Omit<Window, 'buffer'>
  #blank = false

  private constructor(pages: Omit<Window, 'buffer'>) {
    this.#pages = pages
  }

  /** The buffer is not part of the pages: who waits for its collection must not hold it. */
  static map(fd: number, offset: number, size: number): { pages: Pages; buffer: ArrayBuffer } {
    const { buffer, ...pages } = window(fd, offset, size)
    // Moving it into a buffer that nothing here knows faults nobody, but ends the sharing. (Not markAsUntransferable: with it
    // Node 24 aborts at its end, when it cannot detach the buffer.)
    for (const name of ['transfer', 'transferToFixedLength']) Object.defineProperty(buffer, name, { value: refuseTransfer })
    return { pages: new Pages(pages), buffer }
  }

  blank(): void {
    if (this.#blank) return
    this.#blank = true
    os().blank(this.#pages)
  }
}

function window(fd: number, offset: number, size: number): Window {
  try {
    return os().mapWindow(fd, offset, size)
  } catch (cause) {
    if (cause instanceof MultiprocError) throw cause
    throw new MultiprocError('ERR_MULTIPROC_NO_MEMORY', `${size} bytes of shared memory cannot be mapped: ${(cause as Error).message}. Ask for less, or close what is not needed.`, { cause, details: { size } })
  }
}

function refuseTransfer(): never {
  throw new MultiprocError('ERR_MULTIPROC_NOT_SENDABLE', 'buffer.transfer() failed: this is shared memory, which cannot be moved. Use slice() for a copy, or send the view through a pipe or queue.')
}
