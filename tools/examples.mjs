/** Runs the examples one after the other, each in a section of its own, with the workspace's Node. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { exitCode, root, run, section } from './setup.mjs'

/** Longer than any example needs; one that hangs must not keep the others from being seen. */
const TIMEOUT_MS = 120_000

export async function main(wanted) {
  const folder = join(root, 'examples')
  const files = readdirSync(folder)
    .filter((name) => /^\d\d-.*\.ts$/.test(name) && (wanted.length === 0 || wanted.some((prefix) => name.startsWith(prefix))))
    .sort()
  section('Building (unchanged packages come from the cache)')
  await run('turbo', ['run', 'build', '--filter=multiproc...', '--output-logs=errors-only', '--log-prefix=none'])
  const begunMs = performance.now()
  const failed = []
  for (const name of files) {
    section(name.replace(/\.ts$/, ''))
    const code = await exitCode('node', [join(folder, name)], { timeoutMs: TIMEOUT_MS })
    if (code !== 0) failed.push(`${name} (${code})`)
  }
  section('Summary')
  const seconds = ((performance.now() - begunMs) / 1000).toFixed(1)
  console.log(`${files.length - failed.length} of ${files.length} examples ran well, in ${seconds} s${failed.length ? `; failed: ${failed.join(', ')}` : ''}`)
  return files.length > 0 && failed.length === 0 ? 0 : 1
}
