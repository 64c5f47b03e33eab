import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decode, encode } from '@multiproc/core'
import { sameGraph } from './same-graph.ts'

const roundTrip = (value: unknown) => decode(Uint8Array.from(encode(value).bytes))

const primitive = fc.oneof(
  fc.anything({ maxDepth: 0, withBigInt: true }),
  fc.double(),
  fc.integer(),
  fc.bigInt(),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)), maxLength: 40 }),
)

const tree = fc.anything({
  maxDepth: 4,
  maxKeys: 40,
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  withNullPrototype: true,
  withObjectString: true,
  values: [primitive],
})

it('gives what structuredClone gives for any tree of values', () => {
  fc.assert(
    fc.property(tree, (value) => {
      expect(sameGraph(roundTrip(value), structuredClone(value))).toBe('')
    }),
    { numRuns: 3000 },
  )
})

/** A graph: nodes of some kind, whose slots hold primitives or nodes by number. */
const slot = fc.oneof({ weight: 2, arbitrary: primitive }, { weight: 3, arbitrary: fc.nat(30).map((node) => ({ node })) })
const graph = fc.array(
  fc.record({ kind: fc.constantFrom('object', 'array', 'map', 'set', 'error'), key: fc.string(), slots: fc.array(slot, { maxLength: 6 }) }),
  { minLength: 1, maxLength: 30 },
)

type Nodes = typeof graph extends fc.Arbitrary<infer T> ? T : never

function build(nodes: Nodes): unknown {
  const made = nodes.map(({ kind }): unknown => {
    if (kind === 'object') return {}
    if (kind === 'array') return []
    if (kind === 'map') return new Map()
    return kind === 'set' ? new Set() : new Error('node')
  })
  nodes.forEach(({ slots, key }, i) => {
    const target = made[i]
    slots.forEach((content, at) => {
      const item = typeof content === 'object' && content !== null && 'node' in content ? made[(content as { node: number }).node % made.length] : content
      if (target instanceof Map) target.set(at % 2 === 0 ? item : `${key}${at}`, item)
      else if (target instanceof Set) target.add(item)
      else if (Array.isArray(target)) target[at * 2] = item
      else if (target instanceof Error) target.cause = item
      else Object.defineProperty(target, `${key}${at}`, { value: item, writable: true, enumerable: true, configurable: true })
    })
  })
  return made[0]
}

it('gives what structuredClone gives for any graph with sharing and cycles', () => {
  fc.assert(
    fc.property(graph, (nodes) => {
      const value = build(nodes)
      expect(sameGraph(roundTrip(value), structuredClone(value))).toBe('')
    }),
    { numRuns: 3000 },
  )
})
