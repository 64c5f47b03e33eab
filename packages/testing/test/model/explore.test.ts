import { expect, it } from 'vitest'
import { explore, type ModelAgent } from '../../src/model/explore.ts'
import { sweepCrashes } from '../../src/crash/crash-points.ts'

const COUNTER = 0
const FLAG = 1

const racy = ({ ops }: ModelAgent, words: Int32Array): void => {
  const seen = ops.load(words, COUNTER)
  ops.store(words, COUNTER, seen + 1)
}

const cas = ({ ops }: ModelAgent, words: Int32Array): void => {
  for (;;) {
    const seen = ops.load(words, COUNTER)
    if (ops.compareExchange(words, COUNTER, seen, seen + 1) === seen) return
  }
}

const counts = (wanted: number) => ({ words }: { words: Int32Array }) => {
  if (words[COUNTER] !== wanted) throw new Error(`counter is ${words[COUNTER]}`)
}

it('finds the schedule in which a racy counter loses an increment, and prints it', () => {
  const run = (): unknown => explore({ words: 1, agents: { A: racy, B: racy }, check: counts(2) })
  expect(run).toThrow(/counter is 1\nschedule:\n  start\n  A  load \[0\] = 0\n  B  load \[0\] = 0\n/)
})

it('walks every schedule of a correct counter of three agents', () => {
  const report = explore({ words: 1, agents: { A: cas, B: cas, C: cas }, check: counts(3) })
  expect(report.exhausted).toBe(true)
  expect(report.states).toBeGreaterThan(50)
})

it('finds no race when no agent may be preempted', () => {
  const report = explore({ words: 1, agents: { A: racy, B: racy }, check: counts(2), maxPreemptions: 0 })
  expect(report.exhausted).toBe(true)
})

it('kills an agent at every step, and the others see it dead', () => {
  const ends = new Set<string>()
  explore({
    words: 1,
    agents: { A: cas, B: cas },
    kills: 1,
    check: ({ words, dead }) => void ends.add(`${words[COUNTER]} ${dead.join()}`),
  })
  expect([...ends].sort()).toEqual(['1 A', '1 B', '2 ', '2 A', '2 B'])
})

const sleeper = (agent: ModelAgent, words: Int32Array): void => {
  while (agent.ops.load(words, FLAG) === 0) agent.park(Infinity, [])
}

it('reports a lost wake-up as a state in which nobody can run', () => {
  const run = (): unknown =>
    explore({
      words: 2,
      setup: (_, ids) => (sleeperId = ids.S!),
      agents: {
        S: sleeper,
        // Wakes before it sets the flag: the sleeper may look in between.
        W: (agent, words) => {
          agent.wake(sleeperId, 1)
          agent.ops.store(words, FLAG, 1)
        },
      },
    })
  let sleeperId = 0
  expect(run).toThrow(/nobody can run/)
})

it('lets a wake-up before the sleep count, and wakes who watches a dead agent', () => {
  let ids: Record<string, number> = {}
  const right = (agent: ModelAgent, words: Int32Array): void => {
    agent.ops.store(words, FLAG, 1)
    agent.wake(ids.S!, 1)
  }
  const watching = (agent: ModelAgent, words: Int32Array): void => {
    while (agent.ops.load(words, FLAG) === 0) {
      if (agent.isDead(ids.W!)) return
      agent.park(Infinity, [ids.W!])
    }
  }
  const setup = (_: Int32Array, all: Record<string, number>): void => void (ids = all)
  expect(explore({ words: 2, setup, agents: { S: sleeper, W: right } }).exhausted).toBe(true)
  const killed = explore({ words: 2, setup, agents: { S: watching, W: right }, kills: 1, mayDie: ['W'] })
  expect(killed.exhausted).toBe(true)
})

it('passes time only when nobody can run, and counts it', () => {
  const report = explore({
    words: 1,
    agents: {
      A: (agent) => {
        agent.park(agent.nowMs() + 5, [])
        return agent.nowMs()
      },
    },
    check: ({ results }) => expect(results.A).toBe(5),
  })
  expect(report.timeouts).toBe(1)
})

it('takes a loop that never ends for a livelock', () => {
  const spin = (agent: ModelAgent, words: Int32Array): void => {
    while (agent.ops.load(words, FLAG) === 0);
  }
  expect(() => explore({ words: 2, agents: { A: spin }, maxSteps: 50 })).toThrow(/livelock/)
})

it('plays plain writes and wrapped plain reads back rightly', () => {
  const writer = (agent: ModelAgent, words: Int32Array): void => {
    words[2] = 7
    agent.ops.store(words, FLAG, 1)
    agent.ops.add(words, COUNTER, 1)
  }
  const reader = (agent: ModelAgent, words: Int32Array): number => {
    if (agent.ops.load(words, FLAG) === 0) return -1
    return agent.read(() => words[2]!)
  }
  const seen = new Set<unknown>()
  explore({ words: 3, agents: { writer, reader }, check: ({ results }) => void seen.add(results.reader) })
  expect([...seen].sort()).toEqual([-1, 7])
})

it('dies before every atomic step of a sweep, then lives', () => {
  const left: number[] = []
  const points = sweepCrashes({
    prepare: () => new Int32Array(new SharedArrayBuffer(8)),
    act: (words, ops) => {
      ops.store(words, 0, 1)
      ops.store(words, 1, 1)
    },
    survive: (words) => void left.push(words[0]! * 10 + words[1]!),
  })
  expect(points).toBe(2)
  expect(left).toEqual([0, 10, 11])
})
