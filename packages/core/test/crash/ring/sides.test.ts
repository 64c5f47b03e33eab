import { sweepCrashes } from '@multiproc/testing'
import { expect, it } from 'vitest'
import { SharedRing, sharedRingBytes } from '../../../src/ring/sides.ts'
import { loneAgent, record } from '../../unit/ring/memory.ts'

const CAPACITY = 128
const DEAD = 4097
const SURVIVOR = 8194

function prepared() {
  const buffer = new SharedArrayBuffer(sharedRingBytes(CAPACITY))
  const memory = { words: new Int32Array(buffer), bytes: new Uint8Array(buffer) }
  const ring = SharedRing.create(loneAgent(), memory.words, memory.bytes, 0, CAPACITY)
  ring.tryPush(record(9, 1), 9, 0)
  return memory
}

function pop(ring: SharedRing): Uint8Array | undefined {
  return ring.tryPop((found) => found.bytes.slice(found.start, found.start + found.length))
}

it('lets a survivor push and pop after a death at any step of a push or a pop, with every record whole and once', () => {
  const operations: Record<string, (ring: SharedRing) => void> = {
    push: (ring) => void ring.tryPush(record(11, 2), 11, 0),
    'push with an extent': (ring) => void ring.tryPush(record(11, 2), 11, 0, () => {}),
    pop: (ring) => void pop(ring),
    both: (ring) => (ring.tryPush(record(11, 2), 11, 0), void pop(ring)),
  }
  for (const act of Object.values(operations)) {
    const points = sweepCrashes({
      prepare: prepared,
      act: ({ words, bytes }, ops) => act(new SharedRing(loneAgent(ops, DEAD), words, bytes, 0)),
      survive: ({ words, bytes }) => {
        const ring = new SharedRing(loneAgent(undefined, SURVIVOR), words, bytes, 0)
        expect(ring.tryPush(record(5, 3), 5, 0)).toBe(true)
        const left: Uint8Array[] = []
        for (let next = pop(ring); next !== undefined; next = pop(ring)) left.push(next)
        const all = [record(9, 1), record(11, 2), record(5, 3)]
        expect(all).toEqual(expect.arrayContaining(left))
        expect(left.at(-1)).toEqual(record(5, 3))
        expect(new Set(left.map((each) => each.length)).size).toBe(left.length)
      },
    })
    expect(points).toBeGreaterThanOrEqual(6)
  }
})
