/**
 * `pnpm bench [names…]` prints the tables. There is no threshold: on a shared machine a figure is a hint, a ratio of one
 * run is evidence.
 *
 *   --write          keeps tables and chart in docs/
 *   --quick          every program once, in under a minute: that they run, not how fast
 *   --save FILE      keeps the figures as JSON
 *   --compare FILE   how the ratios moved since a saved run, of this checkout or of another
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { closure } from './closure.ts'
import { codec } from './codec.ts'
import { lock } from './lock.ts'
import { manager } from './manager.ts'
import { answer, quick, type Answer, type Question } from './measure.ts'
import { pipe } from './pipe.ts'
import { pool } from './pool.ts'
import { starts } from './process.ts'
import { chart, circumstances, comparison, table, targetTable } from './report.ts'

const questions: Record<string, readonly Question[]> = { closure, codec, lock, manager, pipe, pool, process: starts }

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    write: { type: 'boolean' },
    quick: { type: 'boolean' },
    save: { type: 'string' },
    compare: { type: 'string' },
    // What the pinned half of a run is started with; it prints JSON alone.
    pinned: { type: 'boolean' },
  },
})

const unknown = positionals.filter((name) => !Object.hasOwn(questions, name))
if (unknown.length > 0) throw new Error(`no such benchmark: ${unknown.join(', ')}; there are ${Object.keys(questions).join(', ')}`)
const names = positionals.length > 0 ? positionals : Object.keys(questions)
const asked = names.flatMap((name) => questions[name]!.map((question) => (options.quick ? quick(question) : question)))

if (options.pinned) {
  const answers: Answer[] = []
  for (const question of asked.filter(({ pinned }) => pinned)) answers.push(await answer({ ...question, title: `${question.title}, all on one core` }))
  console.log(JSON.stringify(answers))
} else {
  console.log(`${circumstances()}\n`)
  const answers: Answer[] = []
  const say = (one: Answer): void => {
    answers.push(one)
    console.log(table(one))
  }
  for (const question of asked) say(await answer(question))
  for (const one of onOneCore()) say(one)

  const targets = targetTable(answers)
  if (targets !== '') console.log(targets)
  if (options.compare !== undefined) console.log(comparison(answers, JSON.parse(readFileSync(options.compare, 'utf8'))))
  if (options.save !== undefined) writeFileSync(options.save, JSON.stringify(answers))
  if (options.write) write(answers, targets)
}

/** The same questions in a second process that may use one core only, as everything it starts. */
function onOneCore(): Answer[] {
  if (process.platform !== 'linux' || !asked.some(({ pinned }) => pinned)) return []
  const again = [...names, '--pinned', ...(options.quick ? ['--quick'] : [])]
  const output = execFileSync('taskset', ['-c', '0', process.execPath, ...process.execArgv, fileURLToPath(import.meta.url), ...again], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 26,
  })
  return JSON.parse(output.trimEnd().split('\n').at(-1)!)
}

function write(answers: readonly Answer[], targets: string): void {
  const docs = new URL('../../../docs/', import.meta.url)
  const intro = `Printed by \`pnpm bench --write\`. Contenders take turns within one run; each figure is the median of the rounds. A ratio above 1 says that the first row is better.`
  const figures = [targets, ...answers.map(table)].filter((text) => text !== '').join('\n')
  writeFileSync(new URL('benchmarks.md', docs), `# Benchmarks\n\n${intro}\n\n${circumstances().replaceAll('\n', '  \n')}\n\n![The same figures as bars](benchmarks.svg)\n\n${figures}`)
  writeFileSync(new URL('benchmarks.svg', docs), chart(answers))
}
