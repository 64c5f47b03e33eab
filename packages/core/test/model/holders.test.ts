import { explore, type ModelAgent } from '@multiproc/testing'
import { expect, it } from 'vitest'
import { Holders, HOLDERS_BYTES } from '../../src/handles/holders.ts'

/**
 * All interleavings of sender, receiver and whoever asks whether anything lives. The message is one word behind the table
 * that the sender stores; `FINAL` is where a scan that found nothing says so, after which nobody may come to hold.
 */
const TABLE_WORDS = HOLDERS_BYTES / 4
const MESSAGE = TABLE_WORDS
const FINAL = TABLE_WORDS + 1
const WORDS = TABLE_WORDS + 2

const holdersOf = (agent: ModelAgent, words: Int32Array): Holders => new Holders(agent, words, 0)

/** Packs a flight into the message word, entry + 1 so that 0 is "none". */
function publish({ ops }: ModelAgent, words: Int32Array, flight: { entry: number; token: number }): void {
  ops.store(words, MESSAGE, (flight.token << 8) | (flight.entry + 1))
}

function sender(agent: ModelAgent, words: Int32Array): void {
  const holders = holdersOf(agent, words)
  const flight = holders.launch()
  publish(agent, words, flight)
  holders.commit(flight)
  holders.leave()
}

function receiver(agent: ModelAgent, words: Int32Array): boolean {
  const holders = holdersOf(agent, words)
  const message = agent.ops.load(words, MESSAGE)
  if (message === 0) return false
  const [entry, token] = [(message & 0xff) - 1, message >>> 8]
  if (!holders.adoptFlight(entry, token)) return false
  holders.join()
  agent.expect(holders.land(entry, token), 'an adopted flight can be landed')
  agent.expect(agent.ops.load(words, FINAL) === 0, 'nobody called the object ended that this thread holds')
  return true
}

function asker(agent: ModelAgent, words: Int32Array): boolean {
  const live = holdersOf(agent, words).anyLive()
  if (!live) agent.ops.store(words, FINAL, 1)
  return live
}

/** The sender holds from the start, in entry 1: entry 0 is free, so that a scan can pass it before it is used. */
function heldBySender(words: Int32Array, ids: Record<string, number>): void {
  words[0] = 1
  words[1] = 2
  words[6] = (ids['sender']! << 2) | 1
}

it('never finds nothing while the object passes from sender to receiver', () => {
  const report = explore({
    words: WORDS,
    setup: heldBySender,
    agents: {
      sender,
      receiver,
      asker: (agent, words) => {
        const live = asker(agent, words)
        agent.expect(live || agent.ops.load(words, MESSAGE) !== 0, 'the object is held until it is sent')
        return live
      },
    },
    check: ({ results }) => {
      // Without deaths somebody has it at every moment: the sender, the message, the receiver.
      if (results['asker'] !== true) throw new Error('a scan found nothing')
    },
  })
  expect(report.exhausted).toBe(true)
  expect(report.ends).toBeGreaterThan(1)
})

it('calls nothing ended that a receiver comes to hold, when sender or receiver die at any step', () => {
  const report = explore({
    words: WORDS,
    setup: heldBySender,
    agents: { sender, receiver, asker },
    kills: 1,
    mayDie: ['sender', 'receiver'],
    check: ({ words, dead, results }) => {
      const received = results['receiver'] === true
      const ended = words[FINAL] === 1
      if (ended && dead.length === 0) throw new Error('ended without a death')
      if (ended && received && !dead.includes('receiver')) throw new Error('ended, and held by the receiver')
    },
  })
  expect(report.exhausted).toBe(true)
})

it('gives two threads that join at once two entries, one of them a dead thread’s', () => {
  const join = (agent: ModelAgent, words: Int32Array): void => holdersOf(agent, words).join()
  const report = explore({
    words: WORDS,
    setup: (words, ids) => {
      words[1] = 1
      words[4] = (ids['gone']! << 2) | 1
    },
    agents: {
      gone: agent => agent.read(() => 0),
      one: join,
      two: join,
    },
    kills: 1,
    mayDie: ['gone'],
    check: ({ words, dead }) => {
      const held = [4, 6, 8].map(index => words[index]! >>> 2).filter(id => id !== 0)
      const expected = dead.length === 0 ? 3 : 2
      if (new Set(held).size < expected) throw new Error(`entries ${held.join()}`)
    },
  })
  expect(report.exhausted).toBe(true)
})

it('lands a flight once, whether the sender has come to its commit or not', () => {
  const report = explore({
    words: WORDS,
    setup: heldBySender,
    agents: {
      sender,
      receiver: (agent, words) => {
        const message = agent.ops.load(words, MESSAGE)
        if (message === 0) return undefined
        return holdersOf(agent, words).land((message & 0xff) - 1, message >>> 8)
      },
    },
    check: ({ words, results }) => {
      if (results['receiver'] === false) throw new Error('the flight of a living sender was void')
      const left = [4, 6, 8].filter(index => words[index] !== 0).length
      if (left !== (results['receiver'] === true ? 0 : 1)) throw new Error(`${left} entries left`)
    },
  })
  expect(report.exhausted).toBe(true)
})

it('joins without a flight only what no scan has called ended', () => {
  const report = explore({
    words: WORDS,
    setup: (words, ids) => {
      words[1] = 2
      words[6] = (ids['holder']! << 2) | 1
    },
    agents: {
      holder: (agent, words) => holdersOf(agent, words).leave(),
      joiner: (agent, words) => holdersOf(agent, words).tryJoin(),
      asker,
    },
    kills: 1,
    mayDie: ['holder', 'joiner'],
    check: ({ words, dead, results }) => {
      if (words[FINAL] === 1 && results['joiner'] === true && !dead.includes('joiner')) throw new Error('ended, and joined')
      if (results['joiner'] === false && words[4] !== 0) throw new Error('an entry was left')
    },
  })
  expect(report.exhausted).toBe(true)
})
