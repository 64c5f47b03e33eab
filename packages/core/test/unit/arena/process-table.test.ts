import { expect, it } from 'vitest'
import { atomics } from '../../../src/arena/atomics.ts'
import { ProcessTable } from '../../../src/arena/process-table.ts'
import { PROCESS_ENTRIES } from '../../../src/arena/layout.ts'

const BASE = 16

function family() {
  const words = new Int32Array(new SharedArrayBuffer((BASE + PROCESS_ENTRIES * 4) * 4))
  const deadThreads = new Set<number>()
  const deadProcesses = new Set<number>()
  const judge = { isThreadDead: (id: number) => deadThreads.has(id), isProcessDead: (pid: number) => deadProcesses.has(pid) }
  return { table: new ProcessTable(atomics, words, judge, BASE), deadThreads, deadProcesses }
}

const CREATOR = (0x7fff << 12) | 0xfff

it('lets as many processes run as the limit says, and counts each end', () => {
  const { table } = family()
  const entries = [101, 102, 103].map((pid) => {
    const entry = table.claim(CREATOR, 3)
    table.started(entry, pid, 1)
    return entry
  })
  expect(table.claim(CREATOR, 3)).toBe(-1)
  expect(table.living().sort()).toEqual([101, 102, 103])
  table.release(entries[1]!, 102)
  expect(table.living().sort()).toEqual([101, 103])
  expect(table.claim(CREATOR, 3)).toBe(entries[1])
})

it('frees the entry of a process that died unseen, and of one whose creator died before it had a pid', () => {
  const { table, deadProcesses, deadThreads } = family()
  table.started(table.claim(CREATOR, 2), 101, 1)
  const claimed = table.claim(CREATOR - 1, 2)
  expect(table.claim(CREATOR, 2)).toBe(-1)
  deadProcesses.add(101)
  expect(table.living()).toEqual([])
  const again = table.claim(CREATOR, 2)
  expect(again).not.toBe(-1)
  table.started(again, 102, 1)
  deadThreads.add(CREATOR - 1)
  expect(table.claim(CREATOR, 2)).toBe(claimed)
})

it('does not free an entry that was given to another child meanwhile', () => {
  const { table, deadProcesses } = family()
  const entry = table.claim(CREATOR, 1)
  table.started(entry, 101, 1)
  deadProcesses.add(101)
  expect(table.claim(CREATOR, 1)).toBe(entry)
  table.started(entry, 102, 1)
  table.release(entry, 101)
  expect(table.living()).toEqual([102])
})

it('gives an entry back whose child could not be started', () => {
  const { table } = family()
  const entry = table.claim(CREATOR, 1)
  table.release(entry, 0)
  expect(table.claim(CREATOR, 1)).toBe(entry)
})

it('refuses every start when the limit is 0', () => {
  expect(family().table.claim(CREATOR, 0)).toBe(-1)
})
