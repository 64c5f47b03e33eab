import { explore, type ModelAgent, type Scenario } from '@multiproc/testing'
import { expect, it } from 'vitest'
import { WAITS_ASYNC, WAITS_SYNC, type Agent } from '../../src/contracts/agent.ts'
import { ConditionTurn, waitSync, wakeAll, wakeFirst } from '../../src/parking/wait.ts'
import { Waiters, WAITERS_BYTES } from '../../src/parking/waiters.ts'

/** Tickets to take, and a flag for all. */
const TICKETS = WAITERS_BYTES / 4
const FLAG = TICKETS + 1
const WORDS = FLAG + 1

const waitersOf = (agent: ModelAgent, words: Int32Array): Waiters => new Waiters(agent as Agent, words, 0)

function takeTicket(agent: ModelAgent, words: Int32Array): true | undefined {
  for (;;) {
    const left = agent.ops.load(words, TICKETS)
    if (left === 0) return undefined
    if (agent.ops.compareExchange(words, TICKETS, left, left - 1) === left) return true
  }
}

/** Adds a ticket for each waiter and wakes one for each. */
const giver = (count: number) => (agent: ModelAgent, words: Int32Array): void => {
  const waiters = waitersOf(agent, words)
  for (let i = 0; i < count; i++) {
    agent.ops.add(words, TICKETS, 1)
    wakeFirst(agent as Agent, waiters)
  }
}

function sync(agent: ModelAgent, words: Int32Array): boolean {
  return waitSync(agent as Agent, waitersOf(agent, words), () => takeTicket(agent, words)) === true
}

function impatient(agent: ModelAgent, words: Int32Array): boolean {
  return waitSync(agent as Agent, waitersOf(agent, words), () => takeTicket(agent, words), undefined, 5) === true
}

function loop(agent: ModelAgent, words: Int32Array): boolean {
  const turn = new ConditionTurn(agent as Agent, waitersOf(agent, words), WAITS_ASYNC, () => takeTicket(agent, words), () => [])
  const remove = agent.onPark(() => turn.pass())
  while (!turn.look()) agent.loop(turn.untilMs, turn.watched)
  remove()
  return true
}

/** Waits in its loop, and is stopped in a synchronous wait for the flag meanwhile. */
function blocked(agent: ModelAgent, words: Int32Array): boolean {
  const turn = new ConditionTurn(agent as Agent, waitersOf(agent, words), WAITS_ASYNC, () => takeTicket(agent, words), () => [])
  const remove = agent.onPark(() => turn.pass())
  let done = turn.look()
  // Too early to be of interest: the other one gets a ticket of its own.
  if (done) giver(1)(agent, words)
  while (agent.ops.load(words, FLAG) === 0) agent.park(Infinity, [])
  while (!done && !(done = turn.look())) agent.loop(turn.untilMs, turn.watched)
  remove()
  return true
}

function walk(scenario: Omit<Scenario, 'words'>): void {
  const report = explore({ words: WORDS, ...scenario })
  if (process.env.MODEL_REPORT) console.log(expect.getState().currentTestName, report)
  expect(report.exhausted).toBe(true)
  if (scenario.timeouts !== 'any') expect(report.timeouts).toBe(0)
}

/** Too many schedules for all of them. */
function sample(scenario: Omit<Scenario, 'words'>): void {
  for (let seed = 1; seed <= 5; seed++) {
    const report = explore({ words: WORDS, maxPreemptions: 2, seed: seed * 7919, maxStates: 10_000, ...scenario })
    if (scenario.timeouts !== 'any') expect(report.timeouts).toBe(0)
  }
}

it('wakes the one who waits, in every schedule', () => {
  walk({ agents: { A: sync, G: giver(1) } })
  walk({ agents: { A: loop, G: giver(1) } })
})

it('serves two with two changes, although both wake-ups may go to the first', () => {
  walk({ agents: { A: sync, B: sync, G: giver(2) }, maxPreemptions: 1 })
  walk({ agents: { A: sync, B: loop, G: giver(2) }, maxPreemptions: 1 })
  walk({ agents: { A: loop, B: loop, G: giver(2) }, maxPreemptions: 1 })
})

it('replaces a woken waiter that dies before it looked', () => {
  // One ticket more than a dead one can have taken.
  walk({ agents: { A: sync, B: sync, G: giver(2) }, kills: 1, mayDie: ['A'], maxPreemptions: 1 })
  sample({ agents: { A: loop, B: loop, G: giver(2) }, kills: 1, mayDie: ['A'] })
  sample({ agents: { A: sync, B: loop, C: sync, G: giver(3) }, kills: 1, mayDie: ['A', 'B'] })
})

it('passes the wake-up of one who gives up on to the next', () => {
  const check: Scenario['check'] = ({ words, results }) => expect(words[TICKETS]).toBe(results.A === true ? 0 : 1)
  walk({ agents: { A: impatient, B: sync, G: giver(2) }, timeouts: 'any', maxPreemptions: 1, check })
})

it('passes over a loop that stands still', () => {
  let ids: Record<string, number> = {}
  const freeing = (agent: ModelAgent, words: Int32Array): boolean => {
    sync(agent, words)
    agent.ops.store(words, FLAG, 1)
    agent.wake(ids.T!, WAITS_SYNC)
    agent.ops.add(words, TICKETS, 1)
    wakeFirst(agent as Agent, waitersOf(agent, words))
    return true
  }
  walk({ setup: (_, all) => void (ids = all), agents: { T: blocked, S: freeing, G: giver(1) }, maxPreemptions: 2 })
})

it('wakes all of them', () => {
  const waiting = (agent: ModelAgent, words: Int32Array): unknown =>
    waitSync(agent as Agent, waitersOf(agent, words), () => agent.ops.load(words, FLAG) || undefined)
  const setting = (agent: ModelAgent, words: Int32Array): void => {
    agent.ops.store(words, FLAG, 1)
    wakeAll(agent as Agent, waitersOf(agent, words))
  }
  walk({ agents: { A: waiting, B: waiting, S: setting }, maxPreemptions: 2 })
})

it('sees the death of somebody the condition depends on', () => {
  const waiting = (agent: ModelAgent, words: Int32Array): unknown =>
    waitSync(agent as Agent, waitersOf(agent, words), () => (agent.isDead(giving) ? 'gone' : takeTicket(agent, words)), () => [giving])
  let giving = 0
  walk({ setup: (_, ids) => void (giving = ids.G!), agents: { A: waiting, G: giver(1) }, kills: 1, mayDie: ['G'] })
})
