import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { adoptHandles, carriesHandles, closedError, decode, discard, encode, move, registerHandle, registerSharedView, SHARED_VIEW, type Encoded } from '@multiproc/core'
import { useFlightTables } from '../../../src/handles/flight-tables.ts'
import { Holders, HOLDERS_BYTES } from '../../../src/handles/holders.ts'
import { SimulatedFamily } from '../../simulated-family.ts'

const SENDER = 1
const RECEIVER = 2

let family: SimulatedFamily
let thread = SENDER

function tableAt(offset: number, id = thread): Holders {
  const region = family.memory.region(offset)
  return new Holders(family.agent(id), region.words, (offset - region.base) >> 2)
}

/** A handle with two tables, of which it uses the second, as the far end of a pipe does. */
class Box {
  readonly offset: number
  readonly generation: number
  inner: unknown
  closed = false
  constructor(offset: number, generation: number, inner: unknown) {
    this.offset = offset
    this.generation = generation
    this.inner = inner
    this.holders().join()
  }
  holders(id = thread): Holders {
    return tableAt(this.offset + HOLDERS_BYTES, id)
  }
  close(): void {
    this.closed = true
    this.holders().leave()
  }
}

/** Shared memory by a handle, with the view users work on. */
class Memory extends Object {
  readonly box: Box
  readonly [SHARED_VIEW]: Int32Array
  constructor(box: Box) {
    super()
    this.box = box
    const region = family.memory.region(box.offset)
    this[SHARED_VIEW] = region.words.subarray((box.offset - region.base) / 4, (box.offset - region.base) / 4 + 8)
    registerSharedView(this[SHARED_VIEW], this)
  }
}

registerHandle<Memory>({
  class: Memory,
  name: 'test.Memory',
  package: '@multiproc/test',
  version: '1',
  module: import.meta.url,
  reduce: ({ box }) => ({ handle: box, holders: box.holders(), holdersOffset: HOLDERS_BYTES }),
  revive: ({ offset, generation }) => new Memory(new Box(offset, generation, null)),
})

let failRevive = false
let failExtra = false

registerHandle<Box>({
  class: Box,
  name: 'test.Box',
  package: '@multiproc/test',
  version: '1',
  module: import.meta.url,
  reduce: (box) => {
    if (box.inner === 'refuse') throw closedError('`box`')
    return {
      handle: { offset: box.offset, generation: box.generation },
      holders: box.holders(),
      holdersOffset: HOLDERS_BYTES,
      extra: failExtra ? new WeakMap() : box.inner,
    }
  },
  revive: ({ offset, generation, extra }) => {
    if (failRevive) throw new Error('revive failed')
    return new Box(offset, generation, extra)
  },
})

function newBox(inner: unknown = null): Box {
  const { offset, generation } = family.allocator(SENDER).alloc(2 * HOLDERS_BYTES, { held: 2 })
  tableAt(offset, SENDER).leave()
  return new Box(offset, generation, inner)
}

const take = (encoded: Encoded): Uint8Array => Uint8Array.from(encoded.bytes)

function sent(value: unknown): Uint8Array {
  const encoded = encode(value)
  const bytes = take(encoded)
  encoded.commit()
  return bytes
}

beforeEach(() => {
  family = new SimulatedFamily()
  thread = SENDER
  failRevive = failExtra = false
  useFlightTables({
    at: (offset) => tableAt(offset),
    attach: (handle, table) => family.allocator(thread).attach(handle, table as Holders),
  })
})
afterEach(() => useFlightTables(undefined))

it('holds the object by the message while it is under way, and by the receiver from then on', () => {
  const box = newBox('extra')
  const bytes = sent({ deep: [box, box] })
  box.close()
  expect(box.holders().anyLive()).toBe(true)
  thread = RECEIVER
  const { deep } = decode(bytes) as { deep: Box[] }
  expect(deep[0]).toBeInstanceOf(Box)
  expect(deep[0]).toBe(deep[1])
  expect(deep[0]).toMatchObject({ offset: box.offset, generation: box.generation, inner: 'extra' })
  expect(box.holders().hasFlights()).toBe(false)
  expect(box.holders().liveThreads()).toEqual([RECEIVER])
  deep[0]?.close()
  expect(box.holders().anyLive()).toBe(false)
})

it('lets go of the object when sending is given up, before the commit and after', () => {
  const box = newBox()
  const encoded = encode([box])
  expect(encoded.hasHandles).toBe(true)
  expect(box.holders().hasFlights()).toBe(true)
  encoded.abort()
  encoded.commit()
  expect(box.holders().hasFlights()).toBe(false)
  const again = encode([box])
  again.commit()
  encode('something else')
  again.abort()
  again.abort()
  expect(box.holders().hasFlights()).toBe(false)
})

it('leaves nothing in flight when the rest of the value cannot be sent', () => {
  const box = newBox()
  expect(() => encode([box, new WeakMap()])).toThrow('value[1] is a WeakMap')
  failExtra = true
  expect(() => encode([[box]])).toThrow('value[0][0] is a WeakMap')
  expect(box.holders().hasFlights()).toBe(false)
})

it('carries handles inside handles', () => {
  const inner = newBox('in')
  const outer = newBox({ inner })
  const bytes = sent([outer])
  inner.close()
  outer.close()
  thread = RECEIVER
  const [copy] = decode(bytes) as [Box]
  expect((copy.inner as { inner: Box }).inner.inner).toBe('in')
  for (const box of [inner, outer]) expect([box.holders().hasFlights(), box.holders().liveThreads()]).toEqual([false, [RECEIVER]])
})

it('discards a message unread, handles inside handles included', () => {
  const inner = newBox()
  const outer = newBox([inner])
  const bytes = sent({ outer, second: newBox() })
  thread = RECEIVER
  discard(bytes)
  expect([inner, outer].map((box) => box.holders().hasFlights())).toEqual([false, false])
  expect(() => discard(sent({ plain: 1 }))).not.toThrow()
})

it('adopts the flights of a message that was taken, so that they die with the taker', () => {
  const inner = newBox()
  const outer = newBox([inner])
  const bytes = sent([outer])
  for (const box of [inner, outer]) box.close()
  thread = RECEIVER
  adoptHandles(bytes)
  for (const box of [inner, outer]) expect(box.holders().hasFlights()).toBe(true)
  family.dead.add(RECEIVER)
  for (const box of [inner, outer]) expect(box.holders(3).anyLive()).toBe(false)
})

it('still lands after adopting', () => {
  const box = newBox()
  const bytes = sent([box])
  box.close()
  thread = RECEIVER
  adoptHandles(bytes)
  decode(bytes)
  expect([box.holders().hasFlights(), box.holders().liveThreads()]).toEqual([false, [RECEIVER]])
})

it('throws NOT_FOUND, and touches nothing, when the sender died before its commit and the object is gone', () => {
  const box = newBox()
  const bytes = take(encode([box]))
  family.dead.add(SENDER)
  expect(family.allocator(3).sweep()).toBe(1)
  thread = RECEIVER
  expect(() => decode(bytes)).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_NOT_FOUND' }))
})

it('attaches when the sender died before its commit and others hold the object', () => {
  const box = newBox()
  box.holders(3).join()
  const bytes = take(encode([box]))
  family.dead.add(SENDER)
  box.holders(3).anyLive()
  thread = RECEIVER
  decode(bytes)
  expect(box.holders().liveThreads().sort()).toEqual([RECEIVER, 3])
})

it('lands the handles that a failed decode did not reach', () => {
  const [first, second] = [newBox(), newBox()]
  const bytes = sent([first, second])
  thread = RECEIVER
  failRevive = true
  expect(() => decode(bytes)).toThrow('revive failed')
  expect([first, second].map((box) => box.holders().hasFlights())).toEqual([false, false])
})

it('refuses a closed handle by its path, whoever notices', () => {
  const box = newBox()
  box.close()
  expect(() => encode([{ box }], 'args')).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_CLOSED', message: expect.stringContaining('args[0].box is a closed Box') }))
  const other = newBox('refuse')
  expect(() => encode([other], 'args')).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_CLOSED', message: expect.stringContaining('args[0]') }))
})

it('refuses an instance of a subclass of a handle class', () => {
  class Special extends Box {}
  const box = newBox()
  const special = new Special(box.offset, box.generation, null)
  expect(() => encode([special])).toThrow('value[0] is a Special, a subclass of the handle class Box')
})

it('closes a moved handle at the commit, not before and not after an abort', () => {
  const box = newBox()
  const failed = encode([move(box)])
  expect(box.closed).toBe(false)
  failed.abort()
  expect(box.closed).toBe(false)
  const bytes = sent([move(box)])
  expect(box.closed).toBe(true)
  thread = RECEIVER
  expect((decode(bytes) as Box[])[0]).toBeInstanceOf(Box)
  expect(box.holders().liveThreads()).toEqual([RECEIVER])
  expect(() => encode([move({ close() {} })])).toThrow('a move() of something that is no handle')
})

it('tells by one byte whether a message carries handles', () => {
  expect(carriesHandles(sent([newBox()]))).toBe(true)
  expect(carriesHandles(sent([1]))).toBe(false)
})

/** The same message, as if another version of the package had sent it. */
function withText(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const text = Buffer.from(bytes)
  const at = text.indexOf(from)
  expect(at).toBeGreaterThan(0)
  expect(to.length).toBe(from.length)
  text.write(to, at, 'latin1')
  return text
}

it('refuses another layout by naming both, and lets go of the object', () => {
  const box = newBox()
  const bytes = sent([box])
  const at = Buffer.from(bytes).indexOf('@multiproc/test') + '@multiproc/test'.length
  bytes[at + 1] = '2'.charCodeAt(0)
  thread = RECEIVER
  expect(() => decode(bytes)).toThrow(/'test\.Box' of @multiproc\/test with layout 2 .* here it is layout 1/)
  expect(box.holders().hasFlights()).toBe(false)
})

it('loads the module of a class that is not known yet', async () => {
  const box = newBox()
  const lazy = new URL('../../fixtures/codec/lazy-handle.ts', import.meta.url).href
  class Stub extends Object {}
  registerHandle<Stub>({
    class: Stub,
    name: 'test.Stub',
    package: 'test',
    version: '1',
    module: lazy,
    reduce: () => ({ handle: { offset: box.offset, generation: box.generation }, holders: box.holders(), holdersOffset: HOLDERS_BYTES }),
    revive: () => new Stub(),
  })
  const bytes = withText(sent([new Stub()]), 'test.Stub', 'test.Lazy')
  thread = RECEIVER
  const [value] = decode(bytes) as [object]
  expect(value.constructor.name).toBe('Lazy')
  expect(value).toMatchObject({ offset: box.offset, generation: box.generation })
  const gone = withText(sent([new Stub()]), 'test.Stub', 'test.Gone')
  expect(() => decode(gone)).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_LAYOUT', message: expect.stringContaining(pathToFileURL('/').protocol) }))
})

it('sends a view of shared memory by its handle, and refuses one that would copy what belongs to others', () => {
  const memory = new Memory(newBox())
  const view = memory[SHARED_VIEW]
  const bytes = sent({ view, again: view, memory })
  expect(bytes.length).toBeLessThan(500)
  thread = RECEIVER
  const copy = decode(bytes) as { view: Int32Array; again: Int32Array; memory: Memory }
  expect(copy.view).toBe(copy.again)
  expect(copy.memory[SHARED_VIEW]).toBe(copy.view)
  view[3] = 42
  expect(copy.view[3]).toBe(42)
  expect(() => encode([view.subarray(1)])).toThrow('value[0] is a view of shared memory that no handle stands for')
})
