import { explore, type ModelAgent, type Scenario } from '@multiproc/testing'
import { expect, it } from 'vitest'
import { Mutex, MUTEX_BYTES, settleSync, type Agent } from '@multiproc/core'
import { CONDITION_BYTES, ConditionWords } from '../../src/condition-words.ts'

const CONDITION = MUTEX_BYTES / 4
const STOCK = CONDITION + CONDITION_BYTES / 4
const words = STOCK + 1

let ids: Record<string, number> = {}
const setup = (_: Int32Array, all: Record<string, number>): void => void (ids = all)
const line = (agent: ModelAgent, memory: Int32Array): ConditionWords =>
  new ConditionWords(agent as Agent, memory, CONDITION, () => Object.values(ids).filter((id) => !agent.isDead(id)))

/** Waits until it is notified, unless somebody has notified already. */
const wait = (agent: ModelAgent, memory: Int32Array, deadlineMs = Infinity, relays = false): boolean => {
  const lock = new Mutex(agent as Agent, memory, 0)
  lock.acquireSync(Infinity)
  const condition = line(agent, memory)
  let done: boolean | undefined = false
  if (agent.ops.load(memory, STOCK) === 0) {
    const entry = condition.enter(1)
    do {
      lock.release()
      const why = settleSync(agent as Agent, condition.turn(entry), deadlineMs) ? 'woken' : 'late'
      lock.acquireSync(Infinity)
      if (relays) condition.notify(1)
      done = condition.regained(entry, why)
    } while (done === undefined)
  }
  lock.release()
  return done
}
/** Notifies the next one while it still has its own notification: so that one always gets there. */
const relay = (agent: ModelAgent, memory: Int32Array): boolean => wait(agent, memory, Infinity, true)
const late = (agent: ModelAgent, memory: Int32Array): boolean => wait(agent, memory, 3)
const notifier = (count: number) => (agent: ModelAgent, memory: Int32Array): number => {
  const lock = new Mutex(agent as Agent, memory, 0)
  lock.acquireSync(Infinity)
  agent.ops.store(memory, STOCK, 1)
  const told = line(agent, memory).notify(count)
  lock.release()
  return told
}
const stateOf = (memory: Int32Array, entry: number): number => memory[CONDITION + 4 + entry * 2]! & 3

const sample = (scenario: Omit<Scenario, 'words' | 'setup'>): void => {
  for (let seed = 1; seed <= 3; seed++) explore({ words, setup, maxPreemptions: 2, seed: seed * 7919, maxStates: 5_000, ...scenario })
}

it('wakes both sleepers in every schedule when both are notified', () => {
  const report = explore({ words, setup, agents: { A: wait, B: wait, N: notifier(2) }, asleep: ['A', 'B'], maxPreemptions: 1 })
  expect([report.exhausted, report.timeouts]).toEqual([true, 0])
})

it('loses no notification when it is given while they come', () => {
  // Who comes after it finds that there is no need to wait.
  sample({ agents: { A: wait, B: wait, N: notifier(2) } })
})

it('wakes the first in line alone', () => {
  sample({ agents: { A: late, B: late, N: notifier(1) }, asleep: ['A', 'B'], check: ({ results }) => expect([results.A, results.B]).toEqual([true, false]) })
})

it('hands the notification of a waiter that dies at any step to the next', () => {
  sample({ agents: { A: relay, B: wait, N: notifier(1) }, asleep: ['A', 'B'], kills: 1, mayDie: ['A'], timeouts: 'never', check: ({ results }) => expect(results.B).toBe(true) })
})

it('leaves nobody asleep whom a notifier had notified when it died at any step', () => {
  sample({
    agents: { A: late, B: late, N: notifier(2) }, asleep: ['A', 'B'], kills: 1, mayDie: ['N'],
    check: ({ words, results, dead }) => {
      expect([stateOf(words, 0), stateOf(words, 1)]).toEqual([0, 0])
      if (dead.length === 0) expect([results.A, results.B]).toEqual([true, true])
    },
  })
})

it('loses no notification when a waiter dies and time runs out for others', () => {
  sample({
    agents: { A: wait, B: late, C: wait, N: notifier(2) }, asleep: ['A', 'B', 'C'], kills: 1, mayDie: ['A', 'B'], timeouts: 'any',
    check: ({ words, results, dead }) => {
      if (dead.length === 0) expect(results.A).toBe(true)
      expect(stateOf(words, 2)).toBe(0)
    },
  })
})
