import { explore, type ModelAgent, type Scenario } from '@multiproc/testing'
import { expect, it } from 'vitest'
import type { Agent } from '@multiproc/core'
import { PERMITS_BYTES, PermitWords } from '../../src/permit-words.ts'

let ids: Record<string, number> = {}
const permits = (agent: ModelAgent, words: Int32Array): PermitWords => new PermitWords(agent as Agent, words, 0, () => Object.values(ids).filter((id) => !agent.isDead(id)))
const starting = (value: number) => (words: Int32Array, all: Record<string, number>): void => {
  ids = all
  words[0] = value
}
const take = (agent: ModelAgent, words: Int32Array): boolean => permits(agent, words).takeSync(false, Infinity)
const own = (agent: ModelAgent, words: Int32Array): boolean => permits(agent, words).takeSync(true, Infinity)
const give = (agent: ModelAgent, words: Int32Array): boolean => permits(agent, words).give()
const hold = (agent: ModelAgent, words: Int32Array): boolean => own(agent, words) && permits(agent, words).giveOwned()

/** Too many schedules for all of them: samples. */
function sample(scenario: Omit<Scenario, 'words'>): void {
  for (let seed = 1; seed <= 3; seed++) {
    const report = explore({ words: PERMITS_BYTES / 4, maxPreemptions: 2, seed: seed * 7919, maxStates: 5_000, ...scenario })
    expect(report.timeouts).toBe(0)
  }
}

it('gives one permit to one of two, then to the other', () => {
  sample({ setup: starting(1), agents: { A: hold, B: hold }, check: ({ words }) => expect(words[0]).toBe(1) })
})

it('wakes both sleepers by two releases', () => {
  const twice = (agent: ModelAgent, words: Int32Array): void => void (give(agent, words), give(agent, words))
  sample({ setup: starting(0), agents: { A: take, B: take, G: twice }, asleep: ['A', 'B'], check: ({ words }) => expect(words[0]).toBe(0) })
})

it('returns the permit of an owner that dies at any step to who sleeps', () => {
  sample({ setup: starting(1), agents: { H: hold, A: hold }, kills: 1, mayDie: ['H'] })
  sample({ setup: starting(1), agents: { H: hold, A: hold, B: hold }, kills: 1 })
})
