import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { runProgram } from '@multiproc/testing'
import { expect, it } from 'vitest'

/** The rows of the guide's tables: title, and the code if it is refused. */
const rows = readFileSync(new URL('../../../docs/guide/what-travels.md', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (kind|---)/.test(line))
  .map((line) => line.slice(2, -2).split(' | ') as [title: string, ...rest: string[]])

const nodes = ['node-20', 'node-22', 'node-26'].map((name) => fileURLToPath(new URL(`../node_modules/${name}/bin/node`, import.meta.url))).filter(existsSync)

it.each([undefined, ...nodes])('says in the guide of each kind of value and function how it travels, and it does (%s)', async (node) => {
  const { stdout, stderr } = await runProgram(new URL('./fixtures/what-travels.mjs', import.meta.url), { node })
  expect(stderr).toBe('')
  const results = JSON.parse(stdout) as Record<string, unknown>
  const said = Object.fromEntries(rows.map(([title, ...rest]) => [title, /ERR_MULTIPROC_\w+/.exec(rest.join())?.[0] ?? 'same']))
  expect(results).toEqual(said)
})
