import type { Agent } from '../contracts/agent.ts'
import type { Region } from '../contracts/arena-memory.ts'
import { MultiprocError } from '../errors/base.ts'
import { Holders, HOLDERS_BYTES } from '../handles/holders.ts'
import { SharedRing, sharedRingBytes } from './sides.ts'

/**
 * The block of the arena that a channel lies in: who holds its two ends, and a ring for each direction.
 *
 * Layout v1 (bytes from the payload's start)                              | writer          | reader
 *   0       Holders of end 0 (holders.ts)                                 | its holders     | all
 *   2,048   Holders of end 1                                              | its holders     | all
 *   4,096   int32 magic                                                   | creator         | all, on attach
 *   4,100   int32 capacity of each ring, in bytes                         | creator         | all, on attach
 *   4,104   int32 rings: 1 (from end 0 to end 1) or 2                     | creator         | all, on attach
 *   4,224   ring from end 0 to end 1 (sides.ts)                           | end 0           | end 1
 *   …       ring from end 1 to end 0, if there are two                    | end 1           | end 0
 *
 * The block is HELD by both tables: it exists as long as an entry of either lives. An end is over, for good, once no entry
 * of its table lives: then the other end reads what is left and gets an end of file, and its sends fail.
 */
const CHANNEL_MAGIC = 0x4d_50_43_31 // 'MPC1': the last character is the layout version
const HEAD = 2 * HOLDERS_BYTES
const FIRST_RING = HEAD + 128

export const HOLDERS_TABLES = 2

export type EndIndex = 0 | 1

export interface ChannelShape {
  /** Bytes of each ring: a power of two. */
  readonly capacity: number
  readonly duplex: boolean
}

export function channelBytes({ capacity, duplex }: ChannelShape): number {
  return FIRST_RING + ringStride(capacity) * (duplex ? 2 : 1)
}

function ringStride(capacity: number): number {
  return (sharedRingBytes(capacity) + 127) & -128
}

/** Fills in a new, zeroed block. Its creator stands in both tables from the start. */
export function writeChannel(agent: Agent, region: Region, offset: number, { capacity, duplex }: ChannelShape): void {
  const at = offset - region.base
  const head = (at + HEAD) >> 2
  for (let ring = 0; ring < (duplex ? 2 : 1); ring++) {
    SharedRing.create(agent, region.words, region.bytes, at + FIRST_RING + ring * ringStride(capacity), capacity)
  }
  region.words[head + 1] = capacity
  region.words[head + 2] = duplex ? 2 : 1
  agent.ops.store(region.words, head, CHANNEL_MAGIC)
}

/** What one end sees of its block. */
export interface EndView {
  readonly mine: Holders
  readonly theirs: Holders
  /** The ring this end writes; undefined at the end that only reads. */
  readonly out: SharedRing | undefined
  readonly in: SharedRing | undefined
}

export function viewChannel(agent: Agent, region: Region, offset: number, end: EndIndex): EndView {
  const at = offset - region.base
  const head = (at + HEAD) >> 2
  const magic = agent.ops.load(region.words, head)
  if (magic !== CHANNEL_MAGIC) {
    throw new MultiprocError('ERR_MULTIPROC_LAYOUT', `there is no channel of layout ${CHANNEL_MAGIC.toString(16)} at arena offset ${offset}, but ${magic.toString(16)}. Install one version of @multiproc/core.`, {
      details: { expected: CHANNEL_MAGIC, got: magic },
    })
  }
  const capacity = region.words[head + 1] as number
  const duplex = region.words[head + 2] === 2
  const holders = (of: EndIndex): Holders => new Holders(agent, region.words, (at + of * HOLDERS_BYTES) >> 2)
  const ring = (from: EndIndex): SharedRing | undefined =>
    from === 1 && !duplex ? undefined : new SharedRing(agent, region.words, region.bytes, at + FIRST_RING + from * ringStride(capacity))
  const other: EndIndex = end === 0 ? 1 : 0
  return { mine: holders(end), theirs: holders(other), out: ring(end), in: ring(other) }
}
