/**
 * `pnpm check`: everything that can be told without running the code. All steps run, so that one look shows all faults.
 */
import { join } from 'node:path'
import { exitCode, root, section } from './setup.mjs'

const tool = (file) => ['node', [join(root, 'tools', file)]]
const steps = [
  ['Types', 'tsc', ['-p', 'tsconfig.json']],
  ['Lint', 'eslint', ['.', '--cache', '--cache-location', 'node_modules/.cache/eslint/']],
  ['Layers', ...tool('check-layers.mjs')],
  ['Sync points', ...tool('check-sync-points.mjs')],
  ['Error codes', ...tool('check-error-codes.mjs')],
  ['Conformance catalogue', ...tool('check-catalogue.mjs')],
  ['Published packages', ...tool('check-packages.mjs')],
]

const failed = []
for (const [title, command, args] of steps) {
  section(title)
  if ((await exitCode(command, args)) !== 0) failed.push(title)
}
if (failed.length > 0) console.log(`\nchecks failed: ${failed.join(', ')}`)
process.exitCode = failed.length > 0 ? 1 : 0
