import { describe, expect, it } from 'vitest'
import { RedoLog, redoLogBytes } from '../../../src/arena/redo-log.ts'
import { CHUNK_BYTES } from '../../../src/arena/layout.ts'
import { SimulatedFamily } from '../../simulated-family.ts'

const LOG = 1024

function setUp(entries: number) {
  const family = new SimulatedFamily()
  family.memory.ensureSize(2 * CHUNK_BYTES)
  const { words } = family.memory.region(0)
  const log = new RedoLog(family.agent(1), words, LOG, redoLogBytes(entries), family.memory)
  return { family, words, log }
}

describe('RedoLog', () => {
  it('changes nothing before commit and everything after, across chunks', () => {
    const { family, words, log } = setUp(4)
    log.begin()
    log.set(400, -7)
    log.set(CHUNK_BYTES + 8, 9)
    expect(words[100]).toBe(0)
    log.commit()
    expect(words[100]).toBe(-7)
    expect(family.memory.region(CHUNK_BYTES).words[2]).toBe(9)
    expect(log.recover()).toBe(false)
  })

  it('lets the later of two values for one word win', () => {
    const { words, log } = setUp(4)
    log.begin()
    log.set(400, 1)
    log.set(400, 2)
    log.commit()
    expect(words[100]).toBe(2)
  })

  it('refuses the entry that does not fit, with nothing changed', () => {
    const { words, log } = setUp(2)
    log.begin()
    log.set(400, 1)
    log.set(404, 1)
    expect(() => log.set(408, 1)).toThrow('more than 2 words')
    log.begin()
    log.commit()
    expect([...words.subarray(100, 103)]).toEqual([0, 0, 0])
  })

  it('forgets at begin() what was not committed', () => {
    const { words, log } = setUp(4)
    log.begin()
    log.set(400, 1)
    log.begin()
    log.set(404, 2)
    log.commit()
    expect([...words.subarray(100, 102)]).toEqual([0, 2])
  })

  it('reaches words above 2 GiB of an arena', () => {
    const far = 15 * 2 ** 30
    const words = new Int32Array(new SharedArrayBuffer(4096))
    const region = { words, bytes: new Uint8Array(words.buffer), base: far }
    const asked: number[] = []
    const log = new RedoLog(new SimulatedFamily().agent(1), words, 0, 256, { region: offset => (asked.push(offset), region) })
    log.begin()
    log.set(far + 1024, 5)
    log.commit()
    expect(words[256]).toBe(5)
    expect(asked).toEqual([far + 1024])
  })
})
