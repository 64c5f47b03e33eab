import { checkObjectName, MultiprocError, NamedSegment, Ticket, type ArenaPlace, type Create, type Holders, type SentName } from '@multiproc/core'
import { rlockBeside, type RLock } from '@multiproc/lock'
import { Pages, SharedBlock } from './block.ts'

/** Which object has a name; the last character of the magic number is the layout version. */
export interface NamedKind {
  readonly noun: string
  readonly magic: number
}
export const VALUE: NamedKind = { noun: 'SharedValue', magic: 0x4d_50_56_31 } // 'MPV1'
export const ARRAY: NamedKind = { noun: 'SharedArray', magic: 0x4d_50_41_31 } // 'MPA1'
export const STRUCT: NamedKind = { noun: 'SharedStruct', magic: 0x4d_50_54_31 } // 'MPT1'

/** What a block with a name is made of. */
export interface NamedPlan {
  readonly kind: NamedKind
  /** What the bytes mean, as text: all who open it must say the same. */
  readonly layout: string
  readonly size: number
  /** Writes the first contents, if it is made now; before anybody else can see it. */
  fill?(buffer: ArrayBuffer, offset: number): void
}

/** A block in a file that unrelated programs find by its name (core names/segment.ts). The body is the program's bytes. */
export class NamedBlock extends SharedBlock {
  readonly size: number
  readonly #kind: NamedKind
  readonly #segment: NamedSegment
  readonly #ticket = new Ticket()

  private constructor(kind: NamedKind, segment: NamedSegment) {
    super()
    this.#kind = kind
    this.#segment = segment
    this.size = segment.parameters[1]!
    ofThisThread.set(segment.name, this)
  }

  static open(call: string, { kind, layout, size, fill }: NamedPlan, name: string, create: Create): NamedBlock {
    return NamedBlock.#open(call, kind, name, create, [hash(layout), size], fill)
  }

  /** One that a message named. If all others have closed it meanwhile, it is made anew, with zeros. */
  static arrive(kind: NamedKind, { name, parameters }: SentName): NamedBlock {
    checkObjectName('a received name', name)
    return NamedBlock.#open(`receiving a ${kind.noun}`, kind, name, true, parameters)
  }

  static #open(call: string, kind: NamedKind, name: string, create: Create, parameters: readonly number[], fill?: NamedPlan['fill']): NamedBlock {
    const known = ofThisThread.get(name)
    if (known !== undefined) {
      const have = known.#segment.parameters
      if (create !== 'exclusive' && known.#kind === kind && parameters.every((parameter, i) => parameter === have[i])) return known
      throw new MultiprocError('ERR_MULTIPROC_EXISTS', `${call} failed: ${JSON.stringify(name)} is there already, ${create === 'exclusive' ? 'open in this thread' : 'with another type or size'}. Choose another name.`, { details: { name } })
    }
    return new NamedBlock(kind, NamedSegment.open({
      call, name, create, parameters,
      noun: kind.noun,
      kind: kind.magic,
      bodyBytes: Math.max(8, Math.ceil(parameters[1]! / 8) * 8),
      format: ({ buffer }) => fill?.(buffer as ArrayBuffer, 0),
    }))
  }

  sent(): { handle: ArenaPlace; holders: Holders; name: SentName } {
    const { name, parameters } = this.#segment
    return { ...this.#ticket.place(), name: { name, parameters } }
  }

  inChunk(): { buffer: ArrayBuffer; offset: number } {
    const { words, body } = this.#segment
    return { buffer: words.buffer as ArrayBuffer, offset: words.byteOffset + body * 4 }
  }

  map(): { pages: Pages; buffer: ArrayBuffer } {
    return Pages.map(this.#segment.fd, this.#segment.bodyOffset, this.size)
  }

  makeLock(): RLock {
    return rlockBeside(this.#segment.name)
  }

  protected enter(): void {}

  protected leave(): void {
    ofThisThread.delete(this.#segment.name)
    this.#segment.close()
    this.#ticket.giveUp()
  }
}

/** The block that a message told of, whose flight keeps it during the call. */
export function receivedBlock(kind: NamedKind, place: ArenaPlace, name: SentName | undefined): SharedBlock {
  return name === undefined ? SharedBlock.attach(place) : NamedBlock.arrive(kind, name)
}

const ofThisThread = new Map<string, NamedBlock>()

/** FNV-1a: one number for the header. */
function hash(text: string): number {
  let sum = 0x811c9dc5
  for (const byte of Buffer.from(text)) sum = Math.imul(sum ^ byte, 0x01000193)
  return sum >>> 0
}
