/** Reads the workspace's files for the checks in this folder. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root } from './setup.mjs'

/** Names of the folders under packages/. */
export const packageFolders = readdirSync(join(root, 'packages')).filter((name) => existsSync(join(root, 'packages', name, 'package.json'))).sort()

export function manifestOf(folder) {
  return JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8'))
}

/** The TypeScript files of a folder below packages/: [path from the root, text]. */
export function filesUnder(...parts) {
  const folder = join(root, 'packages', ...parts)
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
    .sort()
    .map((name) => [relative(root, join(folder, name)), readFileSync(join(folder, name), 'utf8')])
}

/** Prints what is wrong; the exit code says whether anything is. */
export function report(faults, fine) {
  console.log(faults.length > 0 ? faults.join('\n') : fine)
  process.exitCode = faults.length > 0 ? 1 : 0
}
