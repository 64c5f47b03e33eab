import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { fixture, gone } from './run.ts'

const python = spawnSync('python3', ['-c', 'import pty']).status === 0

// Without python3 there is no pseudo-terminal to be had here: Node cannot open one.
it.skipIf(!python)('Ctrl-C in a terminal ends a program with all its children, with code 130 and without stack traces', async () => {
  const node = process.env.MULTIPROC_TEST_NODE ?? process.execPath
  const { stdout } = spawnSync('python3', [fileURLToPath(fixture('in-terminal.py')), node, fileURLToPath(fixture('ctrl-c.mjs'))], { encoding: 'utf8', timeout: 100_000 })
  const [, pids = ''] = /pids ([\d ]+) main \d+ true/.exec(stdout) ?? []
  expect({ stdout, pids: pids.split(' ').length }).toMatchObject({ pids: 3 })
  for (const pid of pids.split(' ')) await gone(Number(pid))
  expect(stdout).toMatch(/code 130\n$/)
  expect(stdout).not.toMatch(/ at .*:\d+:\d+|Error/)
})
