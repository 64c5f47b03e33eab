import { explore, type ModelAgent, type Scenario } from '@multiproc/testing'
import { describe, expect, it } from 'vitest'
import { WAITS_ASYNC, WAITS_SYNC, type Agent } from '../../src/contracts/agent.ts'
import { Mutex, MUTEX_BYTES } from '../../src/parking/mutex.ts'

/** The lock at word 0, then who is inside, and a flag that one agent raises for another. */
const INSIDE = MUTEX_BYTES / 4
const FLAG = INSIDE + 1
const WORDS = INSIDE + 2

/** More walk for minutes: for a night, not for every change. */
const PREEMPTIONS = Number(process.env.MODEL_PREEMPTIONS ?? 1)
const SEEDS = Number(process.env.MODEL_SEEDS ?? 5)

const mutexOf = (agent: ModelAgent, words: Int32Array): Mutex => new Mutex(agent as Agent, words, 0)

/** Exclusion: nobody alive is inside. Who died in there is told of by `abandoned`. */
function inside(agent: ModelAgent, words: Int32Array, mutex: Mutex): void {
  const other = agent.ops.load(words, INSIDE)
  agent.expect(other === 0 || (mutex.abandoned && agent.isDead(other)), `${other} is inside, abandoned is ${mutex.abandoned}`)
  agent.ops.store(words, INSIDE, agent.id)
  agent.expect(agent.ops.exchange(words, INSIDE, 0) === agent.id, 'somebody came in too')
  mutex.release()
}

function sync(agent: ModelAgent, words: Int32Array): string {
  const mutex = mutexOf(agent, words)
  agent.expect(mutex.acquireSync(Infinity), 'an acquire without timeout gave up')
  inside(agent, words, mutex)
  return 'had it'
}

/** Begins as the owner: see `held`. */
function owner(agent: ModelAgent, words: Int32Array): string {
  inside(agent, words, mutexOf(agent, words))
  return 'had it'
}

function impatient(agent: ModelAgent, words: Int32Array): string {
  const mutex = mutexOf(agent, words)
  if (!mutex.acquireSync(agent.nowMs() + 5)) return 'gave up'
  inside(agent, words, mutex)
  return 'had it'
}

function trying(agent: ModelAgent, words: Int32Array): string {
  const mutex = mutexOf(agent, words)
  if (!mutex.tryAcquire()) return 'not now'
  inside(agent, words, mutex)
  return 'had it'
}

/** Waits in its event loop. */
function loop(agent: ModelAgent, words: Int32Array): string {
  const mutex = mutexOf(agent, words)
  const turn = mutex.enqueue(WAITS_ASYNC)
  const remove = agent.onPark(() => turn.pass())
  while (!turn.look()) agent.loop(turn.untilMs, turn.watched)
  remove()
  inside(agent, words, mutex)
  return 'had it'
}

/** Waits in its loop, then its loop is stopped by a synchronous acquire of the same lock. */
function both(agent: ModelAgent, words: Int32Array): string {
  const mutex = mutexOf(agent, words)
  const turn = mutex.enqueue(WAITS_ASYNC)
  const remove = agent.onPark(() => turn.pass())
  if (!turn.look()) {
    agent.expect(mutex.acquireSync(Infinity), 'an acquire without timeout gave up')
    inside(agent, words, mutex)
    while (!turn.look()) agent.loop(turn.untilMs, turn.watched)
  }
  remove()
  inside(agent, words, mutex)
  return 'had it'
}

/** Waits in its loop, then its loop is stopped by a wait for `flagging`, which needs the lock before. */
const blocked = (flagging: () => number) => (agent: ModelAgent, words: Int32Array): string => {
  const mutex = mutexOf(agent, words)
  const turn = mutex.enqueue(WAITS_ASYNC)
  const remove = agent.onPark(() => turn.pass())
  let had = turn.look()
  if (had) inside(agent, words, mutex)
  while (agent.ops.load(words, FLAG) === 0) {
    if (agent.isDead(flagging())) break
    agent.park(Infinity, [flagging()])
  }
  while (!had) {
    had = turn.look()
    if (had) inside(agent, words, mutex)
    else agent.loop(turn.untilMs, turn.watched)
  }
  remove()
  return 'had it'
}

const flagger = (waiting: () => number) => (agent: ModelAgent, words: Int32Array): string => {
  sync(agent, words)
  agent.ops.store(words, FLAG, 1)
  agent.wake(waiting(), WAITS_SYNC)
  return 'had it'
}

/** Makes the agent `name` the owner at the start. */
const held = (name: string) => (words: Int32Array, ids: Record<string, number>): void => {
  words[0] = ids[name]!
}

function walk(scenario: Omit<Scenario, 'words'>): Set<string> {
  const began = performance.now()
  const ends = new Set<string>()
  const report = explore({
    words: WORDS,
    check: ({ results, dead }) => {
      for (const [name, result] of Object.entries(results)) ends.add(`${name} ${result}`)
      for (const name of dead) ends.add(`${name} died`)
    },
    ...scenario,
  })
  if (process.env.MODEL_REPORT) console.log(expect.getState().currentTestName, report, Math.round(performance.now() - began))
  expect(report.exhausted).toBe(true)
  // A deadline that had to pass, because nobody was woken, would be a lost wake-up.
  if (scenario.timeouts !== 'any') expect(report.timeouts).toBe(0)
  return ends
}

/** Too many schedules for all of them: each seed sees others. */
function sample(scenario: Omit<Scenario, 'words'>): void {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const report = explore({ words: WORDS, maxPreemptions: 2, seed: seed * 7919, maxStates: 10_000, ...scenario })
    if (scenario.timeouts !== 'any') expect(report.timeouts).toBe(0)
  }
}

describe('two threads, every schedule', () => {
  it('both waiting synchronously get the lock, one at a time', () => {
    walk({ agents: { A: sync, B: sync } })
  })

  it('the survivor gets the lock wherever the other one dies, and is told when it died inside', () => {
    expect(walk({ agents: { A: sync, B: sync }, kills: 1 })).toContain('B died')
  })

  it('a thread that gives up at any moment leaves a lock that works', () => {
    const ends = walk({ agents: { A: impatient, B: sync }, kills: 1, timeouts: 'any' })
    expect(ends).toContain('A gave up')
  })

  it('trying takes the lock only from a dead thread', () => {
    expect(walk({ agents: { A: trying, B: sync }, kills: 1 })).toContain('A not now')
  })

  it('one waiting in its event loop gets it, wherever the other one dies', () => {
    walk({ agents: { A: sync, B: loop }, kills: 1 })
  })

  it('both waiting in their event loops get it, three preemptions', () => {
    walk({ agents: { A: loop, B: loop }, maxPreemptions: PREEMPTIONS + 2 })
  })

  it('one waiting in its loop and synchronously gets it twice, wherever the owner dies', () => {
    walk({ setup: held('O'), agents: { O: owner, T: both }, kills: 1, mayDie: ['O'] })
  })
})

describe('three threads and more, bounded preemptions', () => {
  it('three waiting synchronously', () => {
    walk({ agents: { A: sync, B: sync, C: sync }, maxPreemptions: PREEMPTIONS })
  })

  it('two behind an owner, one dies', () => {
    walk({ setup: held('O'), agents: { O: owner, A: sync, B: sync }, asleep: ['A'], kills: 1, maxPreemptions: PREEMPTIONS })
  })

  it('two asleep behind an owner, two die', () => {
    walk({ setup: held('O'), agents: { O: owner, A: sync, B: sync }, asleep: ['A', 'B'], kills: 2 })
  })

  it('two asleep behind an owner, one gives up, one dies', () => {
    walk({ setup: held('O'), agents: { O: owner, A: impatient, B: sync }, asleep: ['A', 'B'], kills: 1, timeouts: 'any' })
  })

  it('one that comes while the line moves watches the right one', () => {
    walk({ setup: held('O'), agents: { O: owner, A: sync, B: sync, C: sync }, asleep: ['A', 'B'], kills: 1, mayDie: ['B'], maxPreemptions: PREEMPTIONS })
  })

  it('one that overtakes another does not mislead those behind it', () => {
    walk({ setup: held('O'), agents: { O: owner, A: sync, B: sync, C: sync }, asleep: ['A'], kills: 1, mayDie: ['A'], maxPreemptions: PREEMPTIONS })
  })

  it('three behind an owner, one dies: a sample', () => {
    sample({ setup: held('O'), agents: { O: owner, A: sync, B: sync, C: sync }, kills: 1 })
  })

  it('a loop, then two behind an owner, one dies: a sample', () => {
    sample({ setup: held('O'), agents: { O: owner, A: loop, B: sync, C: loop }, kills: 1 })
  })

  it('a loop and a synchronous one behind an owner, one dies', () => {
    walk({ setup: held('O'), agents: { O: owner, A: loop, B: sync }, kills: 1, maxPreemptions: PREEMPTIONS })
  })

  it('two loops behind an owner, one dies', () => {
    walk({ setup: held('O'), agents: { O: owner, A: loop, B: loop }, kills: 1, maxPreemptions: PREEMPTIONS - 1 })
  })

  it('a thread that waits in its loop and synchronously, a synchronous one and an owner, one dies', () => {
    walk({ setup: held('O'), agents: { O: owner, T: both, S: sync }, kills: 1, maxPreemptions: PREEMPTIONS - 1 })
  })

  it('a loop that stands still until a later one had the lock is passed over', () => {
    let ids: Record<string, number> = {}
    walk({
      setup: (words, all) => {
        ids = all
        held('O')(words, all)
      },
      agents: { O: owner, T: blocked(() => ids.S!), S: flagger(() => ids.T!) },
      kills: 1,
      mayDie: ['O', 'S'],
      maxPreemptions: PREEMPTIONS,
    })
  })
})
