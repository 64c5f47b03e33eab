/**
 * The two commands of a fresh clone: `npm start` (the examples) and `npm test` (build, checks, every test lane).
 * Both set up first, and need no network afterwards.
 *
 *   npm start [-- 04 05]        only the examples whose names begin so
 *   npm test [-- packages/lock] only these test files; checks are left out
 */
import { Failure, setUp } from './setup.mjs'

const [command, ...rest] = process.argv.slice(2)
const commands = { start: './examples.mjs', test: './tests.mjs' }

try {
  if (!Object.hasOwn(commands, command)) throw new Failure(`say one of: ${Object.keys(commands).join(', ')}`)
  await setUp()
  const { main } = await import(commands[command])
  process.exitCode = await main(rest)
} catch (error) {
  console.error(error instanceof Failure ? `\nfailed: ${error.message}` : error)
  process.exitCode = 1
}
