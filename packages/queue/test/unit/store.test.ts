import { atomics } from '@multiproc/core'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { HEAD_WORDS } from '../../src/store/layout.ts'
import { Store } from '../../src/store/store.ts'
import type { Taken } from '../../src/store/store.ts'
import { loneAgent } from '../fake-agent.ts'
import { FakeMemory } from '../fake-memory.ts'

function makeStore(maxSize = 0, maxWords = 0, segmentWords = 32) {
  const memory = new FakeMemory(segmentWords)
  const words = new Int32Array(new SharedArrayBuffer(4 * HEAD_WORDS))
  const dead = new Set<number>()
  const as = (id: number) => new Store(loneAgent(id, dead, atomics), words, 0, memory)
  const store = as(1)
  store.format(maxSize, maxWords)
  return { store, as, dead, memory, words }
}

const item = (n: number, length = 4) => Uint8Array.from({ length }, (_, i) => (i === 0 ? n : i))
const read = (taken: Taken | undefined) => taken && taken.view.bytes[(taken.index + 2) << 2]

it('gives items in the order in which they were put', () => {
  const { store } = makeStore()
  for (let n = 0; n < 50; n++) expect(store.put(item(n), 4, false)).toBe('put')
  expect(store.size).toBe(50)
  for (let n = 0; n < 50; n++) {
    const taken = store.take(false)!
    expect(read(taken)).toBe(n)
    store.done(taken)
  }
  expect(store.take(true)).toBeUndefined()
  expect(store.size).toBe(0)
})

it('gives segments back once all their items are done', () => {
  const { store, memory } = makeStore()
  for (let round = 0; round < 20; round++) {
    for (let n = 0; n < 30; n++) store.put(item(n), 4, false)
    for (let n = 0; n < 30; n++) store.done(store.take(false)!)
  }
  store.take(true)
  expect(memory.live.size).toBe(1)
})

it('refuses an item when maxSize items are ready, and takes it after one was taken', () => {
  const { store } = makeStore(2)
  store.put(item(1), 4, false)
  store.put(item(2), 4, false)
  expect(store.put(item(3), 4, false)).toBe('full')
  store.take(false)
  expect(store.put(item(3), 4, false)).toBe('put')
})

it('lets an item larger than maxBytes in only while the queue is empty', () => {
  const { store } = makeStore(0, 4)
  expect(store.put(item(1, 60), 60, false)).toBe('put')
  expect(store.put(item(2), 4, false)).toBe('full')
  store.done(store.take(false)!)
  expect(store.put(item(2), 4, false)).toBe('put')
})

it('gives an item back, before newer ones, when its consumer died with it', () => {
  const { store, as, dead } = makeStore()
  store.put(item(1), 4, false)
  store.put(item(2), 4, false)
  as(2).take(false)
  expect(as(3).takers()).toEqual([2])
  dead.add(2)
  const again = as(3).take(true)!
  expect(read(again)).toBe(1)
  expect(again.attempt).toBe(1)
})

it('gives an item up that three consumers died with, and counts it', () => {
  const { store, as, dead } = makeStore()
  store.put(item(1), 4, false)
  store.put(item(2), 4, false)
  for (const id of [2, 3, 4]) {
    expect(read(as(id).take(true))).toBe(1)
    dead.add(id)
  }
  expect(read(as(5).take(true))).toBe(2)
  expect(store.lost).toBe(1)
})

it('refuses puts once it is shut down', () => {
  const { store } = makeStore()
  store.setFlags(1)
  expect(store.put(item(1), 4, false)).toBe('shut down')
})

it('behaves like an array, whatever is put, taken, done and killed in whatever order', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('put' as const), length: fc.integer({ min: 0, max: 90 }) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('take' as const), fromHead: fc.boolean() }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('done' as const), which: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const), which: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('recount' as const) }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { store, as, dead, memory } = makeStore()
      let serial = 0
      let consumer = 10
      const ready: number[] = []
      const held: { n: number; id: number; store: Store; taken: Taken; attempt: number }[] = []
      const returned: { n: number; attempt: number }[] = []
      for (const action of steps) {
        if (action.kind === 'put') {
          const n = serial++ % 256
          store.put(item(n, Math.max(1, action.length)), Math.max(1, action.length), false)
          ready.push(n)
        } else if (action.kind === 'take') {
          const id = consumer++
          const mine = as(id)
          const taken = mine.take(action.fromHead)
          if (action.fromHead && returned.length > 0) {
            const at = returned.findIndex((back) => back.attempt < 3)
            returned.splice(0, at < 0 ? returned.length : at)
          }
          const expected = action.fromHead && returned.length > 0 ? returned.shift() : undefined
          if (expected) {
            expect(read(taken)).toBe(expected.n)
            held.push({ n: expected.n, id, store: mine, taken: taken!, attempt: expected.attempt })
          } else {
            expect(read(taken)).toBe(ready[0])
            if (taken) held.push({ n: ready.shift()!, id, store: mine, taken, attempt: 0 })
          }
        } else if (action.kind === 'done' && held.length > 0) {
          const [one] = held.splice(action.which % held.length, 1)
          one!.store.done(one!.taken)
        } else if (action.kind === 'kill' && held.length > 0) {
          // Only the oldest holder dies, so that the order of what comes back is the order of the model.
          if (returned.length > 0) continue
          const [one] = held.splice(0, 1)
          dead.add(one!.id)
          returned.push({ n: one!.n, attempt: one!.attempt + 1 })
        } else if (action.kind === 'recount') {
          store.recount()
        }
        expect(store.size).toBe(ready.length)
      }
      for (const one of held) one.store.done(one.taken)
      while (store.take(true)) dead.add(1)
      expect(memory.live.size).toBeGreaterThan(0)
    }),
    { numRuns: 300 },
  )
})
