import { explore, type ModelAgent } from '@multiproc/testing'
import { expect, it } from 'vitest'
import type { Agent } from '@multiproc/core'
import { EVENT_BYTES, EventWord } from '../../src/event-word.ts'

const words = EVENT_BYTES / 4
let ids: Record<string, number> = {}
const setup = (_: Int32Array, all: Record<string, number>): void => void (ids = all)
const event = (agent: ModelAgent, memory: Int32Array): EventWord => new EventWord(agent as Agent, memory, 0, () => Object.values(ids).filter((id) => !agent.isDead(id)))
const wait = (agent: ModelAgent, memory: Int32Array): boolean => event(agent, memory).waitSync(Infinity)
const setThenClear = (agent: ModelAgent, memory: Int32Array): void => {
  event(agent, memory).set()
  event(agent, memory).clear()
}

it('wakes two sleepers in every schedule, although it is cleared at once', () => {
  const report = explore({ words, setup, agents: { A: wait, B: wait, S: setThenClear }, asleep: ['A', 'B'], maxPreemptions: 1 })
  expect([report.exhausted, report.timeouts]).toEqual([true, 0])
})

it('loses no wake-up when it is set while they come', () => {
  const set = (agent: ModelAgent, memory: Int32Array): void => event(agent, memory).set()
  const report = explore({ words, setup, agents: { A: wait, B: wait, S: set }, maxPreemptions: 1 })
  expect([report.exhausted, report.timeouts]).toEqual([true, 0])
})

it('leaves nobody asleep wherever its setter dies after it was set', () => {
  const gone = new Error('the setter died before it set the event')
  const waiting = (agent: ModelAgent, memory: Int32Array): boolean => {
    const others = (): number[] => {
      const living = Object.values(ids).filter((id) => !agent.isDead(id))
      if (!living.includes(ids.S!) && (agent.ops.load(memory, 0) & 1) === 0) throw gone
      return living
    }
    try {
      return new EventWord(agent as Agent, memory, 0, others).waitSync(Infinity)
    } catch (error) {
      if (error !== gone) throw error
      return false
    }
  }
  const set = (agent: ModelAgent, memory: Int32Array): void => event(agent, memory).set()
  const report = explore({
    words, setup, agents: { A: waiting, B: waiting, S: set }, asleep: ['A', 'B'], kills: 1, mayDie: ['S'], maxPreemptions: 1,
    check: ({ words, results }) => expect([results.A, results.B]).toEqual(Array(2).fill((words[0]! & 1) === 1)),
  })
  expect([report.exhausted, report.timeouts]).toEqual([true, 0])
})
