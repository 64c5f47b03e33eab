/**
 * `pnpm bench [names…]` prints the tables; with `--write` they are also kept in docs/benchmarks.md.
 * There is no threshold: on a shared machine a figure is a hint, a ratio of one run is evidence.
 */
import { writeFileSync } from 'node:fs'
import { closure } from './closure.ts'
import { codec } from './codec.ts'
import { lock } from './lock.ts'
import { answer, type Question } from './measure.ts'
import { pipe } from './pipe.ts'
import { pool } from './pool.ts'
import { circumstances, table } from './report.ts'

const questions: Record<string, readonly Question[]> = { closure, codec, lock, pipe, pool }
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))

const tables: string[] = []
console.log(`${circumstances()}\n`)
for (const name of wanted.length > 0 ? wanted : Object.keys(questions)) {
  for (const question of questions[name] ?? []) {
    tables.push(table(await answer(question)))
    console.log(tables.at(-1))
  }
}

if (process.argv.includes('--write')) {
  const intro = `Printed by \`pnpm bench --write\`. Contenders take turns within one run; each figure is the median of the rounds. A ratio above 1 says that the first row is better.`
  writeFileSync(new URL('../../../docs/benchmarks.md', import.meta.url), `# Benchmarks\n\n${intro}\n\n${circumstances().replaceAll('\n', '  \n')}\n\n${tables.join('\n')}`)
}
