/**
 * Long runs with kills and random input, too long for `npm test`: `pnpm campaign <name> [--kills N] [--seed S] [--seconds T]`.
 * Builds what changed, runs `packages/integration-tests/campaigns/<name>.ts`, and ends with its exit code.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { exitCode, Failure, root, run, setUp } from './setup.mjs'

const folder = join(root, 'packages', 'integration-tests', 'campaigns')
/** What the campaigns share; a campaign's children lie in files with a second dot in their names. */
const names = readdirSync(folder)
  .filter((file) => /^[a-z0-9-]+\.ts$/.test(file) && file !== 'report.ts')
  .map((file) => file.slice(0, -3))

const [name, ...options] = process.argv.slice(2)
try {
  if (!names.includes(name)) throw new Failure(`say one of: ${names.join(', ')}`)
  await setUp()
  await run('turbo', ['run', 'build', '--filter=@multiproc/integration-tests...', '--output-logs=errors-only', '--log-prefix=none'])
  process.exitCode = Number(await exitCode('node', [join(folder, `${name}.ts`), ...options])) || 0
} catch (error) {
  console.error(error instanceof Failure ? `failed: ${error.message}` : error)
  process.exitCode = 1
}
