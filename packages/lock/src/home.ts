import {
  allocator, arena, checkObjectName, currentThread, Holders, HOLDERS_BYTES, MultiprocError, NamedSegment, Ticket,
  type ArenaPlace, type Create, type SentName, type Thread,
} from '@multiproc/core'
import type { BlockKind, Parameters } from './shared-block.ts'

/** Where the words of a block are, and who else has it. */
export interface Home {
  /** One for each block in this thread. */
  readonly key: number | string
  readonly thread: Thread
  readonly words: Int32Array
  readonly body: number
  readonly policy: number
  /** Whether a message's place is this one. */
  is(place: ArenaPlace): boolean
  join(): void
  /** Leaves; with the last one the memory goes. */
  leave(): void
  liveThreads(): readonly number[]
  /** The threads of these ids as `currentThread()` knows them, for waits that take several objects. */
  reached(ids: readonly number[]): readonly number[]
  sent(): { handle: ArenaPlace; holders: Holders; extra: SentName | undefined }
}

/** Where a kind's own words begin. */
const BODY = HOLDERS_BYTES + 64

/**
 * A block of the family's arena.
 *
 * Layout v1 (bytes from the payload's start)                | writer        | reader
 *   0      Holders: who has a handle (core holders.ts)      | its holders   | all
 *   2,048  int32 magic, with the layout version             | creator       | all, on attach
 *   2,052  int32 policy, of the kind                        | creator       | all
 *   2,112  the words of the kind                            | its holders   | all
 */
export class ArenaHome implements Home {
  readonly key: number
  readonly thread = currentThread()
  readonly words: Int32Array
  readonly body: number
  readonly policy: number
  readonly #place: ArenaPlace
  readonly #holders: Holders

  private constructor(kind: BlockKind, place: ArenaPlace, parameters?: Parameters) {
    const { words, base } = arena().region(place.offset)
    const start = (place.offset - base) >> 2
    const head = start + (HOLDERS_BYTES >> 2)
    this.body = start + (BODY >> 2)
    if (parameters !== undefined) {
      words[head + 1] = parameters[0] ?? 0
      kind.format?.(words, this.body, parameters)
      this.thread.ops.store(words, head, kind.magic)
    }
    const magic = this.thread.ops.load(words, head)
    if (magic !== kind.magic) {
      throw new MultiprocError('ERR_MULTIPROC_LAYOUT', `there is no ${kind.noun} of layout ${kind.magic.toString(16)} at arena offset ${place.offset}, but ${magic.toString(16)}. Install one version of @multiproc/lock.`, {
        details: { expected: kind.magic, got: magic },
      })
    }
    this.key = place.offset
    this.words = words
    this.policy = words[head + 1]!
    this.#place = place
    this.#holders = new Holders(this.thread, words, start)
  }

  static create(kind: BlockKind, parameters: Parameters): ArenaHome {
    return new ArenaHome(kind, allocator().alloc(BODY + kind.bytes(parameters), { held: true }), parameters)
  }

  static attach(kind: BlockKind, place: ArenaPlace): ArenaHome {
    return new ArenaHome(kind, place)
  }

  is({ generation }: ArenaPlace): boolean {
    return this.#place.generation === generation
  }

  join(): void {
    this.#holders.join()
  }

  leave(): void {
    this.#holders.leave()
    allocator().reclaim(this.#place)
  }

  liveThreads(): readonly number[] {
    return this.#holders.liveThreads()
  }

  reached(ids: readonly number[]): readonly number[] {
    return ids
  }

  sent(): { handle: ArenaPlace; holders: Holders; extra: undefined } {
    return { handle: this.#place, holders: this.#holders, extra: undefined }
  }
}

/** A file with a name, for unrelated processes (core names/segment.ts). */
export class NamedHome implements Home {
  readonly key: string
  readonly thread: Thread
  readonly words: Int32Array
  readonly body: number
  readonly policy: number
  readonly #segment: NamedSegment
  readonly #kind: BlockKind
  readonly #ticket = new Ticket()

  private constructor(kind: BlockKind, segment: NamedSegment) {
    this.key = NamedHome.keyOf(segment.name)
    this.thread = segment.thread
    this.words = segment.words
    this.body = segment.body
    this.policy = segment.parameters[0]!
    this.#segment = segment
    this.#kind = kind
  }

  static keyOf(name: string): string {
    return `name ${name}`
  }

  static open(kind: BlockKind, call: string, parameters: Parameters, name: string, create: Create): NamedHome {
    const { noun, magic, lockWord } = kind
    return new NamedHome(kind, NamedSegment.open({
      call: `\`${call}\``, noun, name, create, kind: magic, parameters,
      bodyBytes: create === false ? 0 : kind.bytes(parameters),
      lockWord,
      format: (words, body) => kind.format?.(words, body, parameters),
    }))
  }

  /** One that a message named. If all others have closed it meanwhile, it is made anew, as it was at its start. */
  static arrive(kind: BlockKind, { name, parameters }: SentName): NamedHome {
    checkObjectName('a received name', name.replace(/~lock$/, ''))
    return NamedHome.open(kind, `receiving a ${kind.noun}`, parameters, name, true)
  }

  /** For a second handle of this thread: refuses what `open` would refuse. */
  checkSame(kind: BlockKind, call: string, parameters: Parameters, create: Create): void {
    const { name, parameters: have } = this.#segment
    const isSameKind = this.#kind.magic === kind.magic
    if (create !== 'exclusive' && isSameKind && parameters.every((parameter, i) => parameter === undefined || parameter === have[i])) return
    const what = !isSameKind ? `a ${this.#kind.noun}` : create === 'exclusive' ? 'there already' : `a ${kind.noun} with other parameters`
    throw new MultiprocError('ERR_MULTIPROC_EXISTS', `\`${call}\` failed: ${JSON.stringify(name)} is ${what}. Choose another name, or make it with the same class and parameters.`, {
      details: { name, parameters: have },
    })
  }

  is(): boolean {
    return true
  }

  join(): void {}

  leave(): void {
    this.#segment.close()
    this.#ticket.giveUp()
  }

  liveThreads(): readonly number[] {
    return this.#segment.liveThreads()
  }

  sent(): { handle: ArenaPlace; holders: Holders; extra: SentName } {
    const { name, parameters } = this.#segment
    return { ...this.#ticket.place(), extra: { name, parameters } }
  }

  reached(ids: readonly number[]): readonly number[] {
    return this.#segment.thread.reached(ids)
  }
}
