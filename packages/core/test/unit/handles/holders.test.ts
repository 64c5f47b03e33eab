import { describe, expect, it } from 'vitest'
import { Holders, HOLDERS_BYTES, HOLDERS_ENTRIES } from '../../../src/handles/holders.ts'
import { SimulatedFamily } from '../../simulated-family.ts'

function setUp(base = 0) {
  const family = new SimulatedFamily()
  const words = new Int32Array(new SharedArrayBuffer(base * 4 + HOLDERS_BYTES))
  const of = (id: number): Holders => new Holders(family.agent(id), words, base)
  return { family, words, of }
}

describe('Holders', () => {
  it('takes 2,048 bytes', () => {
    expect(HOLDERS_BYTES).toBe(2048)
  })

  it('counts a thread from join to leave, however often it calls either', () => {
    const { of } = setUp(7)
    const one = of(1)
    expect(one.anyLive()).toBe(false)
    one.join()
    one.join()
    expect(of(2).anyLive()).toBe(true)
    expect(of(2).firstHeld()).toBe(1)
    one.leave()
    expect(of(2).anyLive()).toBe(false)
    one.leave()
    expect(of(2).firstHeld()).toBe(0)
  })

  it('does not count itself in anyLiveOther, but its flights', () => {
    const { of } = setUp()
    const one = of(1)
    one.join()
    expect(one.anyLiveOther()).toBe(false)
    const flight = one.launch()
    expect(one.anyLiveOther()).toBe(true)
    one.abort(flight)
    of(2).join()
    expect(one.anyLiveOther()).toBe(true)
    expect(one.liveThreads()).toEqual([1, 2])
  })

  it('forgets dead threads and takes their entries again', () => {
    const { of, family, words } = setUp()
    for (let id = 1; id <= 5; id++) of(id).join()
    for (let id = 1; id <= 5; id++) family.dead.add(id)
    expect(of(6).anyLive()).toBe(false)
    for (let id = 6; id <= 10; id++) of(id).join()
    expect(words[1]).toBe(5) // HIGH
    expect(of(6).liveThreads()).toEqual([6, 7, 8, 9, 10])
  })

  it('lets a committed flight outlive its sender, until it lands once', () => {
    const { of, family } = setUp()
    of(1).join()
    const flight = of(1).launch()
    expect(of(1).liveThreads()).toEqual([1])
    of(1).commit(flight)
    family.dead.add(1)
    expect([of(2).anyLive(), of(2).hasFlights(), of(2).firstHeld()]).toEqual([true, true, 0])
    expect(of(2).land(flight.entry, flight.token + 1)).toBe(false)
    of(2).join()
    expect(of(2).land(flight.entry, flight.token)).toBe(true)
    expect(of(2).land(flight.entry, flight.token)).toBe(false)
    expect(of(2).liveThreads()).toEqual([2])
  })

  it('ends a flight that was not committed with its sender', () => {
    const { of, family } = setUp()
    const flight = of(1).launch()
    expect(of(2).hasFlights()).toBe(true)
    family.dead.add(1)
    expect([of(2).hasFlights(), of(2).anyLive()]).toEqual([false, false])
    expect(of(2).adoptFlight(flight.entry, flight.token)).toBe(false)
  })

  it('saves a flight whose sender died before its commit, if adopted before anybody looked', () => {
    const { of, family } = setUp()
    const flight = of(1).launch()
    family.dead.add(1)
    expect(of(2).adoptFlight(flight.entry, flight.token)).toBe(true)
    expect(of(3).anyLive()).toBe(true)
    of(2).join()
    expect(of(2).land(flight.entry, flight.token)).toBe(true)
    expect(of(3).liveThreads()).toEqual([2])
  })

  it('lets an adopted flight die with its taker, whatever the sender does later', () => {
    const { of, family } = setUp()
    const flight = of(1).launch()
    expect(of(2).adoptFlight(flight.entry, flight.token)).toBe(true)
    of(1).commit(flight)
    of(1).abort(flight)
    expect(of(3).anyLive()).toBe(true)
    family.dead.add(2)
    expect(of(3).anyLive()).toBe(false)
  })

  it('does not let a void flight touch the one that took its entry', () => {
    const { of, family } = setUp()
    const old = of(1).launch()
    family.dead.add(1)
    expect(of(2).anyLive()).toBe(false)
    const flight = of(2).launch()
    expect(flight.entry).toBe(old.entry)
    expect([of(3).adoptFlight(old.entry, old.token), of(3).land(old.entry, old.token)]).toEqual([false, false])
    of(2).commit(flight)
    expect(of(3).land(old.entry, old.token)).toBe(false)
    expect(of(3).anyLive()).toBe(true)
  })

  it('refuses the 255th entry with a code, and takes one again when one is free', () => {
    const { of } = setUp()
    const one = of(1)
    const flights = Array.from({ length: HOLDERS_ENTRIES }, () => one.launch())
    expect(() => one.join()).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_NO_MEMORY' }))
    expect(() => one.launch()).toThrow('no more entries')
    one.abort(flights[100]!)
    expect(one.launch().entry).toBe(100)
    expect(one.land(9999, 1)).toBe(false)
  })

  it('joins without a flight only what somebody else has', () => {
    const { of } = setUp()
    expect(of(1).tryJoin()).toBe(false)
    expect(of(2).anyLive()).toBe(false)
    of(2).join()
    expect([of(1).tryJoin(), of(1).tryJoin()]).toEqual([true, true])
    of(2).leave()
    expect(of(1).tryJoin()).toBe(true)
  })
})
