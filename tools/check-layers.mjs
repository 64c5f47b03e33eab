/**
 * Imports point down only. The table says which workspace packages each may use; package.json and every import in src
 * are held against it. Tests may use what package.json names under devDependencies as well.
 */
import { dirname, join, sep } from 'node:path'
import ts from 'typescript'
import { filesUnder, manifestOf, packageFolders, report } from './sources.mjs'

const ALLOWED = {
  core: [],
  closure: ['core'],
  lock: ['core'],
  pipe: ['core'],
  shared: ['core', 'lock'],
  process: ['core', 'closure'],
  queue: ['core', 'lock'],
  pool: ['core', 'closure', 'process', 'queue'],
  manager: ['core', 'closure', 'lock', 'pipe', 'shared', 'process', 'queue', 'pool'],
  multiproc: ['core', 'closure', 'lock', 'pipe', 'shared', 'process', 'queue', 'pool', 'manager'],
  testing: [],
}
/** Private packages on top of everything. */
const TOP = ['benchmarks', 'integration-tests']

const faults = []

for (const folder of packageFolders) {
  if (TOP.includes(folder)) continue
  const allowed = ALLOWED[folder]
  if (!allowed) {
    faults.push(`packages/${folder}: not in the table of tools/check-layers.mjs`)
    continue
  }
  const { dependencies = {}, devDependencies = {} } = manifestOf(folder)
  for (const name of Object.keys(dependencies)) {
    const below = shortName(name)
    if (below && !allowed.includes(below)) faults.push(`packages/${folder}/package.json: ${folder} may not depend on ${below}`)
  }
  for (const [path, text] of filesUnder(folder, 'src')) checkImports(folder, path, text, { ...dependencies }, allowed)
  for (const [path, text] of filesUnder(folder, 'test')) {
    checkImports(folder, path, text, { ...dependencies, ...devDependencies }, [...allowed, ...Object.keys(devDependencies).map(shortName)])
  }
}
report(faults, `${packageFolders.length} packages, every import points down`)

function checkImports(folder, path, text, dependencies, allowed) {
  for (const { fileName: specifier } of ts.preProcessFile(text, true, true).importedFiles) {
    if (specifier.startsWith('node:')) continue
    if (specifier.startsWith('.')) {
      const target = join(dirname(path), specifier)
      if (!target.startsWith(join('packages', folder) + sep)) faults.push(`${path}: ${specifier} leaves the package`)
      continue
    }
    const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
    const below = shortName(name)
    if (below === folder) continue
    if (below && !allowed.includes(below)) faults.push(`${path}: ${folder} may not import ${below}`)
    else if (!(name in dependencies) && !isTestTool(name, path)) faults.push(`${path}: ${name} is not in packages/${folder}/package.json`)
  }
}

/** What the root installs for all tests. */
function isTestTool(name, path) {
  return (path.includes(`${sep}test${sep}`) || path.startsWith(join('packages', 'testing'))) && ['vitest', 'fast-check', 'typescript'].includes(name)
}

function shortName(name) {
  if (name === 'multiproc') return name
  return name.startsWith('@multiproc/') ? name.slice('@multiproc/'.length) : undefined
}
