import { beforeEach, expect, it } from 'vitest'
import { allocator, arena, Claim, currentThread, Holders, HOLDERS_BYTES, Holding, type ArenaPlace } from '../../../src/index.ts'

class Thing extends Holding {
  readonly log: string[] = []

  constructor(place: ArenaPlace) {
    const { words, base } = arena().region(place.offset)
    super(place, new Holders(currentThread(), words, (place.offset - base) >> 2))
  }

  protected override joined(): void {
    this.log.push('joined')
  }

  protected override leaving(): void {
    this.log.push(allocator().isLive(this.place) ? 'leaving' : 'leaving too late')
  }
}

class OtherThing extends Thing {}

let place: ArenaPlace
beforeEach(() => {
  place = allocator().alloc(HOLDERS_BYTES, { held: true })
})

it('keeps the object until the last of its handles is closed, and tells before the memory goes', () => {
  const thing = new Thing(place)
  const claims = [new Claim({}, thing), new Claim({}, thing)]
  expect(thing.uses).toBe(2)
  claims[0]!.end()
  expect(claims[0]!.end()).toBe(false)
  expect(allocator().isLive(place)).toBe(true)
  claims[1]!.end()
  expect(allocator().isLive(place)).toBe(false)
  expect(thing.isHeld).toBe(false)
  expect(thing.log).toEqual(['joined', 'leaving'])
})

it('finds what this thread holds there, by its class, until it is released', () => {
  const thing = new Thing(place)
  expect(Holding.find(Thing, place)).toBe(undefined)
  thing.retain()
  expect(Holding.find(Thing, place)).toBe(thing)
  expect(Holding.find(OtherThing, place)).toBe(undefined)
  expect(Holding.find(Thing, { ...place, generation: place.generation + 1 })).toBe(undefined)
  thing.release()
  expect(Holding.find(Thing, place)).toBe(undefined)
})

it('leaves once for two holdings of one object, as two copies of a package have them', () => {
  const thing = new Thing(place)
  const twin = new OtherThing(place)
  thing.retain()
  twin.retain()
  thing.release()
  expect(allocator().isLive(place)).toBe(true)
  expect(twin.isHeld).toBe(true)
  twin.release()
  expect(allocator().isLive(place)).toBe(false)
  expect([thing.log, twin.log]).toEqual([['joined', 'leaving'], ['leaving']])
})

it('keeps the memory while a call works in it, though code in the call closes the last handle', () => {
  const thing = new Thing(place)
  const claim = new Claim({}, thing)
  const wasLive = thing.during(() => {
    claim.end()
    return allocator().isLive(place)
  })
  expect(wasLive).toBe(true)
  expect(allocator().isLive(place)).toBe(false)
})

it('keeps the memory until an async call has settled, and lets it go when the call fails', async () => {
  const thing = new Thing(place)
  const claim = new Claim({}, thing)
  const call = thing.duringAsync(async () => {
    claim.end()
    await Promise.resolve()
    throw new Error(allocator().isLive(place) ? 'live' : 'gone')
  })
  await expect(call).rejects.toThrow('live')
  expect(allocator().isLive(place)).toBe(false)
})

it('ends the waits of a handle before its memory may go, and sees it closed meanwhile', () => {
  const thing = new Thing(place)
  const claim = new Claim({}, thing)
  let seen: unknown
  claim.end(() => (seen = [claim.ended, thing.isHeld]))
  expect(seen).toEqual([true, true])
  expect(thing.isHeld).toBe(false)
})

it('may be held again while another thread, or a message, keeps the object', () => {
  const thing = new Thing(place)
  thing.retain()
  const flight = thing.holders.launch()
  thing.holders.commit(flight)
  thing.release()
  expect(allocator().isLive(place)).toBe(true)
  thing.retain()
  thing.holders.land(flight.entry, flight.token)
  thing.release()
  expect(allocator().isLive(place)).toBe(false)
  expect(thing.log).toEqual(['joined', 'leaving', 'joined', 'leaving'])
})
