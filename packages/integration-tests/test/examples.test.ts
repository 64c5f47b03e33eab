import { describe, expect, it } from 'vitest'
import { runProgram } from '@multiproc/testing'

/** Runs an example as a user would and returns its lines, with pids and measured seconds masked. */
async function linesOf(name: string): Promise<string[]> {
  const outcome = await runProgram(new URL(`../../../examples/${name}.ts`, import.meta.url), { timeoutMs: 110_000 })
  expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0, signal: null, stderr: '' })
  return outcome.stdout.trimEnd().split('\n')
}

const masked = (line: string): string => line.replace(/\b(process|write:|read:) \d+/g, '$1 P').replace(/\(\d+\)/, '(C)').replace(/\d+\.\d\d/g, 'S')

describe('the examples', { timeout: 120_000 }, () => {
  it('01-process runs a function in a child, between the lines of its parent', async () => {
    const lines = await linesOf('01-process')
    expect(lines.map(masked)).toEqual([
      'Parent process P.',
      'Child process will start.',
      'Run child process test (C)...',
      'Child process end.',
    ])
    const [parent, child] = [lines[0]!.match(/\d+/)![0], lines[2]!.match(/\d+/)![0]]
    expect(child).not.toBe(parent)
  })

  it('02-queue refuses one item too many, and hands each letter over once, in order for each writer', async () => {
    const lines = (await linesOf('02-queue')).map(masked)
    expect(lines.slice(0, 3)).toEqual([
      'The queue holds 3 items; one more throws Full.',
      'Taken out again: x y z',
      'The queue is empty; taking more throws Empty.',
    ])
    expect(lines.filter((line) => line.startsWith('Process to')).sort()).toEqual([
      'Process to read: P',
      'Process to write: P',
      'Process to write: P',
    ])
    const letters = lines.flatMap((line) => /^Get (\w) from queue\.$/.exec(line)?.[1] ?? [])
    expect(letters.filter((letter) => 'ABC'.includes(letter)).join('')).toBe('ABC')
    expect(letters.filter((letter) => 'DEF'.includes(letter)).join('')).toBe('DEF')
    expect(letters).toHaveLength(6)
    expect(lines.filter((line) => /^Put \w to queue\.\.\.$/.test(line))).toHaveLength(6)
    expect(lines.at(-1)).toBe('All letters were read.')
  })

  it('03-pipe prints what the child sent', async () => {
    expect(await linesOf('03-pipe')).toEqual(["[ 42, null, 'hello' ]"])
  })

  it('04-lock sells too many tickets without the lock, and exactly ten with it', async () => {
    const lines = await linesOf('04-lock')
    const border = lines.indexOf('With a lock:')
    const sales = (from: string[]) => from.filter((line) => /^User \d+ got a ticket$/.test(line)).length
    const [without, within] = [lines.slice(0, border), lines.slice(border)]

    expect(without[0]).toBe('Without a lock:')
    expect(sales(without)).toBeGreaterThan(10)
    expect(without.join('\n')).toMatch(new RegExp(`^${sales(without)} of 10 tickets sold, \\d left in the file: oversold!$`, 'm'))

    expect(sales(within)).toBe(10)
    expect(within.at(-1)).toBe('10 of 10 tickets sold, 0 left in the file')
    const seen = within.flatMap((line) => /^User \d+ sees (\d+) tickets left$/.exec(line)?.[1] ?? [])
    expect(seen.map(Number)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1, ...Array(10).fill(0)])
  })

  it('05-pool starts the fifth task when a worker is free, and ends after all of them', async () => {
    const lines = (await linesOf('05-pool')).map(masked)
    expect(lines.slice(0, 2)).toEqual(['Parent process P.', 'Waiting for all subprocesses done...'])
    expect(lines.at(-1)).toBe('All subprocesses done.')
    for (const task of [0, 1, 2, 3, 4]) {
      expect(lines).toContain(`Run task ${task} (C)...`)
      expect(lines).toContain(`Task ${task} runs S seconds.`)
    }
    const firstEnd = lines.findIndex((line) => line.endsWith(' seconds.'))
    expect(lines.indexOf('Run task 4 (C)...')).toBeGreaterThan(firstEnd)
    expect(lines).toHaveLength(13)
  })

  it('06-manager shows three keys of three types and the reversed list', async () => {
    const text = (await linesOf('06-manager')).join(' ').replaceAll(/\s+/g, ' ')
    expect(text).toMatch(/1 => '1'/)
    expect(text).toMatch(/'2' => 2/)
    expect(text).toMatch(/0\.25 => null/)
    expect(text).toMatch(/9, 8, 7, 6, 5, 4, 3, 2, 1, 0/)
  })

  it('07-all-cores counts the same primes both ways, with progress and the speed-up', async () => {
    const lines = await linesOf('07-all-cores')
    expect(lines).toContain('one process [#########################] 100 %')
    expect(lines.some((line) => /^\d+ processes \[#+\] 100 %$/.test(line))).toBe(true)
    expect(lines).toContain('216816 primes below 3000000')
    expect(lines.at(-1)).toMatch(/^one process [\d.]+ s, \d+ processes [\d.]+ s: [\d.]+ times as fast$/)
  })

  it('09-lock-file tells the next program that the one before was killed in the middle', async () => {
    expect(await linesOf('09-lock-file')).toEqual([
      'Anna has written its line',
      'Ben was ended by SIGKILL',
      'Cleo finds 2 lines, the last by a program that was killed, and removes it',
      'Cleo has written its line',
      'written by Anna',
      'written by Cleo',
    ])
  })

  it('10-remote-manager counts for two programs over TCP', async () => {
    expect(await linesOf('10-remote-manager')).toEqual(['Bob: 9', 'Ada: 6'])
  })

  it('08-shared loses no addition and fills the whole array', async () => {
    expect(await linesOf('08-shared')).toEqual(['40000 hits', 'squares: 0 1 4 9 16 25 36 49'])
  })

  it('11-drain finishes what it can within its limit, and ends the rest', async () => {
    expect(await linesOf('11-drain')).toEqual([
      'SIGTERM: 3 requests are under way, 3000 ms for them',
      'request 0 is done',
      'request 1 is done',
      'request 2 was ended: ERR_MULTIPROC_CLOSED',
      'all workers have ended',
    ])
  })
})
