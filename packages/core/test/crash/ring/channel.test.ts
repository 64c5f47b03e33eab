import { type ModelOps, sweepCrashes } from '@multiproc/testing'
import { expect, it } from 'vitest'
import type { Thread } from '../../../src/contracts/thread.ts'
import type { ChannelContext } from '../../../src/ring/channel-context.ts'
import { ChannelEnd, createBlock } from '../../../src/ring/channel-end.ts'
import { BYTES } from '../../../src/ring/layout.ts'
import { Outgoing } from '../../../src/ring/message.ts'
import { audit } from '../../arena-audit.ts'
import { SimulatedFamily } from '../../simulated-family.ts'
import { record } from '../../unit/ring/memory.ts'

const CREATOR = 4097
const VICTIM = 8194
const SURVIVOR = 12291
const LARGE = 5000 // more than a quarter of the ring: goes through an extent

class World {
  readonly family = new SimulatedFamily(4)
  readonly handle

  constructor() {
    const creator = this.context(CREATOR)
    this.handle = createBlock(creator, { capacity: 4096, duplex: true })
    new ChannelEnd(this.context(VICTIM), this.handle, 0).mine.join()
    new ChannelEnd(this.context(SURVIVOR), this.handle, 1).mine.join()
    const end = new ChannelEnd(creator, this.handle, 0)
    end.mine.leave()
    end.theirs.leave()
  }

  context(id: number, ops?: ModelOps): ChannelContext {
    const { memory } = this.family
    const blocks = this.family.allocator(id, ops)
    return {
      thread: this.family.agent(id, ops) as Thread,
      memory: {
        region: (offset) => memory.region(offset),
        alloc: (bytes, keeper, options) => blocks.alloc(bytes, keeper, options),
        free: (handle) => blocks.free(handle),
        reclaim: (handle) => blocks.reclaim(handle),
        adopt: (handle, keeper) => blocks.adopt(handle, keeper),
        writeAt: (offset, source) => memory.region(offset).bytes.set(source, offset - memory.region(offset).base),
        readAt: (offset, target) => {
          const { bytes, base } = memory.region(offset)
          target.set(bytes.subarray(offset - base, offset - base + target.length))
        },
      },
      codec: { encode: unused, decode: unused, adoptHandles: unused, discard: unused },
    }
  }

  end(id: number, index: 0 | 1, ops?: ModelOps): ChannelEnd {
    return new ChannelEnd(this.context(id, ops), this.handle, index)
  }
}

function unused(): never {
  throw new Error('these tests send bytes')
}

const noReader = (): Error => new Error('no reader')

function send(end: ChannelEnd, bytes: Uint8Array): boolean {
  return end.tryPush(new Outgoing(bytes, bytes.length, BYTES), noReader)
}

function receive(end: ChannelEnd): Uint8Array | undefined {
  const message = end.tryTake(() => {})
  return message && new Uint8Array(message.bytes.subarray(0, message.length))
}

it('gives a message whole or not at all, then the end, and all memory back, when its sender dies at any step', () => {
  const points = sweepCrashes({
    prepare: () => new World(),
    act: (world, ops) => {
      const end = world.end(VICTIM, 0, ops)
      send(end, record(20, 1))
      send(end, record(LARGE, 2))
    },
    survive: (world) => {
      world.family.dead.add(VICTIM)
      const end = world.end(SURVIVOR, 1)
      const got: Uint8Array[] = []
      for (let next = receive(end); next !== undefined; next = receive(end)) got.push(next)
      expect(end.isAtEnd).toBe(true)
      expect(got).toEqual([record(20, 1), record(LARGE, 2)].slice(0, got.length))
      expect(() => send(end, record(3))).toThrow('no reader')
      end.leave()
      world.family.allocator(SURVIVOR).sweep()
      expect(audit(world.family.memory).blocks.size).toBe(0)
    },
  })
  expect(points).toBeGreaterThan(30)
})

it('leaves a message to the next reader, or has given it out, when a reader dies at any step', () => {
  const points = sweepCrashes({
    prepare: () => {
      const world = new World()
      const end = world.end(SURVIVOR, 1)
      send(end, record(LARGE, 1))
      send(end, record(20, 2))
      // A second reader at the victim's end.
      const other = world.end(CREATOR, 0)
      other.mine.join()
      return { world, taken: [] as Uint8Array[] }
    },
    act: ({ world, taken }, ops) => {
      const end = world.end(VICTIM, 0, ops)
      for (let n = 0; n < 2; n++) taken.push(receive(end)!)
    },
    survive: ({ world, taken }, died) => {
      world.family.dead.add(VICTIM)
      const end = world.end(CREATOR, 0)
      const got = [...taken]
      for (let next = receive(end); next !== undefined; next = receive(end)) got.push(next)
      const all = [record(LARGE, 1), record(20, 2)]
      // One that was released and not yet returned died with its taker.
      if (died) expect(got.length).toBeGreaterThanOrEqual(1)
      expect(all).toEqual(expect.arrayContaining(got))
      expect(new Set(got.map((each) => each.length)).size).toBe(got.length)
      expect(send(world.end(SURVIVOR, 1), record(4, 3))).toBe(true)
      expect(receive(end)).toEqual(record(4, 3))
      end.leave()
      world.end(SURVIVOR, 1).leave()
      world.family.allocator(CREATOR).sweep()
      expect(audit(world.family.memory).blocks.size).toBe(0)
    },
  })
  expect(points).toBeGreaterThan(20)
})

it('ends for the other side, and frees the channel, when the last holder dies at any step of leaving', () => {
  const points = sweepCrashes({
    prepare: () => {
      const world = new World()
      send(world.end(VICTIM, 0), record(LARGE, 1))
      send(world.end(SURVIVOR, 1), record(LARGE, 2))
      return world
    },
    act: (world, ops) => world.end(VICTIM, 0, ops).leave(),
    survive: (world) => {
      world.family.dead.add(VICTIM)
      const end = world.end(SURVIVOR, 1)
      expect(receive(end)).toEqual(record(LARGE, 1))
      expect(end.isAtEnd).toBe(true)
      end.leave()
      world.family.allocator(SURVIVOR).sweep()
      expect(audit(world.family.memory).blocks.size).toBe(0)
    },
  })
  expect(points).toBeGreaterThan(10)
})
