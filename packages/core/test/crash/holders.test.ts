import { sweepCrashes } from '@multiproc/testing'
import { describe, expect, it } from 'vitest'
import type { AtomicOps } from '../../src/arena/atomics.ts'
import { type Flight, Holders, HOLDERS_BYTES, HOLDERS_ENTRIES } from '../../src/handles/holders.ts'
import { SimulatedFamily } from '../simulated-family.ts'

const [SURVIVOR, VICTIM, SENDER] = [1, 2, 3]

interface World {
  readonly family: SimulatedFamily
  readonly words: Int32Array
  /** What the victim was sent. */
  readonly flight: Flight
}

function prepare(): World {
  const family = new SimulatedFamily()
  const words = new Int32Array(new SharedArrayBuffer(HOLDERS_BYTES))
  const sender = new Holders(family.agent(SENDER), words, 0)
  const flight = sender.launch()
  sender.commit(flight)
  return { family, words, flight }
}

const operations: Record<string, (holders: Holders, world: World) => unknown> = {
  'join and leave': holders => [holders.join(), holders.leave()],
  'launch and abort': holders => holders.abort(holders.launch()),
  'launch, commit and land': holders => {
    const flight = holders.launch()
    holders.commit(flight)
    holders.land(flight.entry, flight.token)
  },
  'receiving: adoptFlight, join, land, leave': (holders, { flight }) => {
    holders.adoptFlight(flight.entry, flight.token)
    holders.join()
    holders.land(flight.entry, flight.token)
    holders.leave()
  },
  tryJoin: holders => [holders.tryJoin(), holders.leave()],
}

describe('a thread that dies at any step leaves every entry usable, and no reference but what it published:', () => {
  for (const [title, operation] of Object.entries(operations)) {
    it(title, () => {
      const points = sweepCrashes({
        prepare,
        act: (world, ops) => operation(new Holders(world.family.agent(VICTIM, ops as AtomicOps), world.words, 0), world),
        survive: ({ family, words, flight }) => {
          family.dead.add(VICTIM)
          family.dead.add(SENDER)
          const survivor = new Holders(family.agent(SURVIVOR), words, 0)
          survivor.land(flight.entry, flight.token)
          // A committed flight of the victim's own is its message's: whoever reads that lands it.
          const published = 3
          for (let entry = 0; entry < HOLDERS_ENTRIES; entry++) {
            const state = words[4 + 2 * entry]!
            if ((state & 3) === published) expect(survivor.land(entry, state >>> 2)).toBe(true)
          }
          expect([survivor.anyLive(), survivor.liveThreads(), survivor.hasFlights()]).toEqual([false, [], false])
          const flights = Array.from({ length: HOLDERS_ENTRIES }, () => survivor.launch())
          for (const mine of flights) survivor.abort(mine)
          expect(survivor.anyLive()).toBe(false)
        },
      })
      expect(points).toBeGreaterThan(4)
    })
  }
})
