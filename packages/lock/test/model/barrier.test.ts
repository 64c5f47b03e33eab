import { explore, type ModelAgent, type Scenario } from '@multiproc/testing'
import { expect, it } from 'vitest'
import type { Agent } from '@multiproc/core'
import { barrierBytes, BarrierWords } from '../../src/barrier-words.ts'

let ids: Record<string, number> = {}
const words = barrierBytes(3) / 4
/** The entry of the second party. */
const SECOND = words - 2
const of = (parties: number) => (memory: Int32Array, all: Record<string, number>): void => {
  ids = all
  memory[1] = parties
}
const barrier = (agent: ModelAgent, memory: Int32Array): BarrierWords =>
  new BarrierWords(agent as Agent, memory, 0, () => Object.values(ids).filter((id) => !agent.isDead(id)))

/** What Barrier.waitSync does; 'broken' where that throws. */
const once = (agent: ModelAgent, memory: Int32Array, deadlineMs = Infinity): number | 'broken' => {
  const parties = barrier(agent, memory)
  const index = parties.arriveSync(deadlineMs)
  if (index === undefined) parties.abort()
  if (index === undefined || index === 'broken') return 'broken'
  const passage = index < parties.parties - 1 ? parties.passSync(deadlineMs) : parties.open()
  const went = parties.depart(index)
  return (passage ?? went) === 'passed' ? index : 'broken'
}
const wait = (agent: ModelAgent, memory: Int32Array): unknown => once(agent, memory)
const twice = (agent: ModelAgent, memory: Int32Array): unknown => [once(agent, memory), once(agent, memory)]
const late = (agent: ModelAgent, memory: Int32Array): unknown => once(agent, memory, 2)
const reset = (agent: ModelAgent, memory: Int32Array): void => barrier(agent, memory).reset()

function sample(scenario: Omit<Scenario, 'words'>): void {
  for (let seed = 1; seed <= 3; seed++) explore({ words, maxPreemptions: 2, seed: seed * 7919, maxStates: 5_000, ...scenario })
}

it('lets both go, with a number each, in every schedule', () => {
  const check: Scenario['check'] = ({ words, results }) => {
    expect([results.A, results.B].sort()).toEqual([0, 1])
    expect(words[0]).toBe(0)
  }
  const report = explore({ words, setup: of(2), agents: { A: wait, B: wait }, maxPreemptions: 1, check })
  expect([report.exhausted, report.timeouts]).toEqual([true, 0])
})

it('can be used again at once, and lets nobody into a round that is not over', () => {
  sample({
    setup: of(2), agents: { A: twice, B: twice }, timeouts: 'never',
    check: ({ words, results }) => {
      const [a, b] = [results.A, results.B] as number[][]
      expect([[a![0], b![0]].sort(), [a![1], b![1]].sort()]).toEqual([[0, 1], [0, 1]])
      expect(words[0]).toBe(0)
    },
  })
})

it('hangs nobody when a party that came dies at any step', () => {
  sample({
    setup: of(3), agents: { A: wait, B: wait, C: wait }, asleep: ['A', 'B'], kills: 1, mayDie: ['A'], timeouts: 'never',
    check: ({ results, dead }) => {
      if (dead.length === 0) expect([results.A, results.B, results.C]).toEqual([0, 1, 2])
      // All of those that live go, or none.
      else expect([[1, 2], ['broken', 'broken']]).toContainEqual([results.B, results.C])
    },
  })
})

it('hangs nobody when the last party dies at any step after it came', () => {
  const never = new Error('the last party died before it came')
  const waiting = (agent: ModelAgent, memory: Int32Array): unknown => {
    const others = (): number[] => {
      const living = Object.values(ids).filter((id) => !agent.isDead(id))
      if (!living.includes(ids.B!) && agent.ops.load(memory, 0) === 0 && agent.ops.load(memory, SECOND) === 0) throw never
      return living
    }
    try {
      const parties = new BarrierWords(agent as Agent, memory, 0, others)
      const index = parties.arriveSync(Infinity) as number
      const passage = parties.passSync(Infinity)
      return parties.depart(index) && passage
    } catch (error) {
      if (error !== never) throw error
      return 'alone'
    }
  }
  sample({
    setup: of(2), agents: { A: waiting, B: wait }, asleep: ['A'], kills: 1, mayDie: ['B'], timeouts: 'never',
    check: ({ results, dead }) => expect(dead.length === 0 ? ['passed'] : ['passed', 'broken', 'alone']).toContain(results.A),
  })
})

it('breaks for all when time runs out for one', () => {
  sample({
    setup: of(3), agents: { A: late, B: wait }, asleep: ['B'], timeouts: 'idle',
    check: ({ words, results }) => {
      expect([results.A, results.B]).toEqual(['broken', 'broken'])
      expect(words[0]).toBe(3)
    },
  })
})

it('breaks for all when a party leaves and dies at any step of that', () => {
  sample({
    setup: of(3), agents: { A: late, B: wait }, asleep: ['A', 'B'], kills: 1, mayDie: ['A'],
    check: ({ results }) => expect(results.B).toBe('broken'),
  })
})

it('ends the waits of a round that is reset, and is as new', () => {
  sample({
    setup: of(3), agents: { A: wait, B: wait, R: reset }, asleep: ['A', 'B'], timeouts: 'never',
    check: ({ words, results }) => {
      expect([results.A, results.B]).toEqual(['broken', 'broken'])
      expect(words[0]).toBe(0)
    },
  })
})
