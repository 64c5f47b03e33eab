import { explore, type ModelAgent } from '@multiproc/testing'
import { expect, it } from 'vitest'
import { adoptBlock, type Handle, isGarbage } from '../../src/arena/block.ts'

/** A block header at word 0, kept by one of two parents that live for ever, or by a thread. */
const FIRST = { offset: 128, generation: 11 }
const SECOND = { offset: 256, generation: 22 }
const isLive = ({ offset, generation }: Handle): boolean => generation === (offset === FIRST.offset ? FIRST : SECOND).generation
const region = (words: Int32Array) => ({ words, bytes: new Uint8Array(words.buffer), base: 0 })
const sweeper = (agent: ModelAgent, words: Int32Array): boolean => isGarbage(agent, region(words), 0, isLive)

const KEEPER = 1
const ownedBy = (id: number): number => (1 << 28) | id
const childOf = ({ offset }: Handle): number => (2 << 28) | (offset / 64)

it('a sweep never takes a block for garbage while it goes from one living keeper to another', () => {
  const report = explore({
    words: 16,
    setup: words => {
      words[KEEPER] = childOf(FIRST)
      words[2] = FIRST.generation
    },
    agents: {
      adopter: (agent, words) => {
        adoptBlock(agent, region(words), 0, { parent: SECOND })
        adoptBlock(agent, region(words), 0, { parent: FIRST })
        adoptBlock(agent, region(words), 0, { owner: agent.id })
      },
      sweeper,
    },
    check: ({ results }) => {
      if (results['sweeper'] !== false) throw new Error('a kept block was called garbage')
    },
  })
  expect(report.exhausted).toBe(true)
})

it('a sweep takes a block for garbage only if its keeper died before it gave the block away', () => {
  for (const toParent of [true, false]) {
    let taker = 0
    const report = explore({
      words: 16,
      setup: (words, ids) => {
        words[KEEPER] = ownedBy(ids['giver']!)
        taker = ids['sweeper']!
      },
      agents: {
        giver: (agent, words) => adoptBlock(agent, region(words), 0, toParent ? { parent: FIRST } : { owner: taker }),
        sweeper,
      },
      kills: 1,
      mayDie: ['giver'],
      check: ({ words, results }) => {
        const given = words[KEEPER] === (toParent ? childOf(FIRST) : ownedBy(taker))
        if (results['sweeper'] === true && given) throw new Error('a kept block was called garbage')
      },
    })
    expect(report.exhausted).toBe(true)
    expect(report.ends).toBeGreaterThan(2)
  }
})
