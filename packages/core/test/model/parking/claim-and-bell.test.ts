import { explore, type ModelAgent } from '@multiproc/testing'
import { expect, it } from 'vitest'
import type { AtomicOps } from '../../../src/arena/atomics.ts'
import { T_LIFE, T_TID, ThreadTable } from '../../../src/arena/thread-table.ts'
import { WAITS_ASYNC } from '../../../src/contracts/agent.ts'
import { LIFE_WATCHED, OWNER_DIED } from '../../../src/os/contract.ts'
import { drainWord, ringWord } from '../../../src/parking/doorbell.ts'

const BASE = 16
const tableOf = (ops: AtomicOps, words: Int32Array, slots: number) => new ThreadTable(ops, words, BASE, 0, slots)

/** Tids are the agents' slots, 1, 2, 3: small, and known to `isTaskDead`. */
function claim(slots: number, ids: () => Record<string, number>) {
  return (agent: ModelAgent, words: Int32Array): number => {
    const table = tableOf(agent.ops, words, slots)
    const id = table.claim({
      tid: agent.id & 0xfff,
      pid: 1,
      start: 1,
      guardLife: () => {},
      isTaskDead: (tid) => agent.isDead(Object.values(ids()).find((other) => (other & 0xfff) === tid) ?? 0),
      wakeAll: () => {},
    })
    // Whoever has an id must not be taken for dead from now on.
    if (id !== 0) agent.expect(!table.isDead(id), `the owner of ${id} lives`)
    return id
  }
}

function claimModel(slots: number, kills: number) {
  let ids: Record<string, number> = {}
  const body = claim(slots, () => ids)
  return explore({
    words: BASE + slots * 16,
    agents: { A: body, B: body },
    kills,
    setup: (words, named) => {
      ids = named
      // Slot 1 belongs to a thread that died.
      const table = tableOf({ load: (w, i) => w[i]! } as AtomicOps, words, slots)
      words[table.at(1, T_TID)] = 99
      words[table.at(1, T_LIFE)] = OWNER_DIED | LIFE_WATCHED
    },
    check: ({ results, dead, words }) => {
      const got = Object.values(results) as number[]
      const given = got.filter((id) => id !== 0)
      if (new Set(given.map((id) => id & 0xfff)).size !== given.length) throw new Error(`one slot given twice: ${got.join()}`)
      if (slots > 2 && dead.length === 0 && given.length !== 2) throw new Error(`two free slots, but ids ${got.join()}`)
      if (slots === 2 && dead.length === 0 && given.length !== 1) throw new Error(`one free slot, but ids ${got.join()}`)
      const table = tableOf({ load: (w, i) => w[i]! } as AtomicOps, words, slots)
      for (const id of given) if (table.isDead(id)) throw new Error(`the owner of ${id} lives and is judged dead`)
    },
  })
}

it('never gives one slot to two threads that start at once, whatever their order', () => {
  expect(claimModel(2, 0)).toMatchObject({ exhausted: true })
  expect(claimModel(3, 0)).toMatchObject({ exhausted: true })
})

it('never gives one slot to two threads when one of them dies while it claims', () => {
  expect(claimModel(2, 1)).toMatchObject({ exhausted: true })
})

const CHANGED = 0

function bellModel(reader: (agent: ModelAgent, words: Int32Array) => void, mayDie: string[]) {
  const ring = (agent: ModelAgent, words: Int32Array, ids: Record<string, number>, bit: number) => {
    agent.ops.or(words, CHANGED, bit)
    ringWord(tableOf(agent.ops, words, 2), 1, () => {
      agent.wake(ids.reader as number, WAITS_ASYNC)
      return true
    })
  }
  let ids: Record<string, number> = {}
  return explore({
    words: BASE + 2 * 16,
    setup: (_, named) => void (ids = named),
    agents: {
      reader,
      first: (agent, words) => ring(agent, words, ids, 1),
      second: (agent, words) => ring(agent, words, ids, 2),
    },
    kills: mayDie.length,
    mayDie,
  })
}

/** Waits in its event loop until it has seen what `bits` stand for. */
const listen = (bits: number) => (agent: ModelAgent, words: Int32Array) => {
  while ((agent.ops.load(words, CHANGED) & bits) !== bits) {
    agent.loop(Infinity, [])
    drainWord(tableOf(agent.ops, words, 2), 1)
  }
}

it('loses no ring of two ringers', () => {
  expect(bellModel(listen(3), [])).toMatchObject({ exhausted: true })
})

it('hears the second ringer wherever the first one dies', () => {
  expect(bellModel(listen(2), ['first'])).toMatchObject({ exhausted: true })
})

it('would lose a ring if the reader looked before it begins a new sequence', () => {
  const wrong = (agent: ModelAgent, words: Int32Array) => {
    for (;;) {
      agent.loop(Infinity, [])
      const seen = agent.ops.load(words, CHANGED)
      drainWord(tableOf(agent.ops, words, 2), 1)
      if ((seen & 3) === 3) return
    }
  }
  expect(() => bellModel(wrong, [])).toThrow()
})
