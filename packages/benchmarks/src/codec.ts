/** What does a message cost to make and to read again, against what else makes bytes of values in Node? */
import { deserialize, serialize } from 'node:v8'
import { decode, encode } from '@multiproc/core'
import { Packr } from 'msgpackr/pack'
import type { Contender, Question } from './measure.ts'

/** Each way makes the bytes and the value again; many different values, so that nothing is cached for one. */
function ways(make: (i: number) => unknown): (() => Contender)[] {
  const values = Array.from({ length: 1000 }, (_, i) => make(i))
  const bare = new Packr()
  const cloning = new Packr({ structuredClone: true })
  const way = (name: string, turn: (value: unknown) => unknown) => (): Contender => ({
    name,
    measure: (times) => {
      const beganMs = performance.now()
      for (let i = 0; i < times; i++) turn(values[i % values.length])
      return performance.now() - beganMs
    },
  })
  return [
    way('multiproc', (value) => decode(encode(value).bytes)),
    way('msgpackr, no sharing, no cycles', (value) => bare.unpack(bare.pack(value))),
    way('msgpackr, structuredClone', (value) => cloning.unpack(cloning.pack(value))),
    way('v8.serialize', (value) => deserialize(serialize(value))),
    way('JSON', (value) => JSON.parse(JSON.stringify(value))),
  ]
}

/** Each operation is there and back. */
const question = (title: string, make: (i: number) => unknown): Question => ({
  title,
  unit: 'ns per operation',
  times: 100_000,
  rounds: 7,
  contenders: ways(make),
})

export const codec: readonly Question[] = [
  question('{ id, name, ok }', (i) => ({ id: i, name: `item ${i}`, ok: true })),
  question('{ id, name, tags[3], ok, v }', (i) => ({ id: i, name: `item ${i}`, tags: ['a', 'bb', 'ccc'], ok: true, v: i / 3 })),
  question('100 × { a, b }', (i) => Array.from({ length: 100 }, (_, k) => ({ a: k, b: i }))),
]
