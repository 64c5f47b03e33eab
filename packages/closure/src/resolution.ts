/**
 * Synchronous `import.meta.resolve` relative to any module: what `import` in that module would load.
 *
 * `createRequire(base).resolve` follows the `require` condition; a package that has one of each would give another
 * instance than the import did. So `exports` is read here, with the conditions of `import`.
 */
import { readFileSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

type Target = string | null | readonly Target[] | { readonly [condition: string]: Target }

/** The URL that `specifier` means in the module at `base`. */
export function resolveImport(specifier: string, base: string): string {
  if (isBuiltin(specifier)) return specifier.startsWith('node:') ? specifier : `node:${specifier}`
  if (/^(\.{0,2}\/|[a-z][a-z+.-]+:)/i.test(specifier)) return new URL(specifier, base).href
  const require = createRequire(base)
  return resolvePackage(specifier, base) ?? pathToFileURL(require.resolve(specifier)).href
}

function resolvePackage(specifier: string, base: string): string | undefined {
  if (specifier.startsWith('#')) {
    const scope = enclosingPackage(base)
    const target = scope && pick(scope.json.imports, specifier)
    return target === undefined ? undefined : target.startsWith('.') ? pathToFileURL(join((scope as Package).directory, target)).href : resolveImport(target, base)
  }
  const [, name = '', rest = ''] = /^(@[^/]+\/[^/]+|[^/]+)(.*)$/.exec(specifier) ?? []
  const own = enclosingPackage(base)
  const found = own?.json.name === name && own.json.exports !== undefined ? own : installed(name, base)
  if (found === undefined || found.json.exports === undefined) return undefined
  const target = pick(asSubpaths(found.json.exports), `.${rest}`)
  return target === undefined ? undefined : pathToFileURL(join(found.directory, target)).href
}

interface Package {
  readonly directory: string
  readonly json: { readonly name?: string; readonly exports?: Target; readonly imports?: Record<string, Target> }
}

function readPackage(directory: string): Package | undefined {
  try {
    return { directory, json: JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Package['json'] }
  } catch {
    return undefined
  }
}

function installed(name: string, base: string): Package | undefined {
  for (const root of createRequire(base).resolve.paths(name) ?? []) {
    const found = readPackage(join(root, name))
    if (found !== undefined) return found
  }
  return undefined
}

function enclosingPackage(base: string): Package | undefined {
  if (!base.startsWith('file:')) return undefined
  for (let directory = dirname(fileURLToPath(base)); ; directory = dirname(directory)) {
    const found = readPackage(directory)
    if (found !== undefined || directory === dirname(directory)) return found
  }
}

function asSubpaths(exports: Target): Record<string, Target> {
  const isTable = typeof exports === 'object' && exports !== null && !Array.isArray(exports) && Object.keys(exports).some((key) => key.startsWith('.'))
  return isTable ? (exports as Record<string, Target>) : { '.': exports }
}

function pick(table: Record<string, Target> | undefined, key: string): string | undefined {
  if (table === undefined) return undefined
  if (key in table && !key.includes('*')) return choose(table[key] as Target, '')
  let best: string | undefined
  for (const pattern of Object.keys(table)) {
    const [before = '', after] = pattern.split('*')
    if (after === undefined || !key.startsWith(before) || !key.endsWith(after) || key.length < pattern.length) continue
    if (best === undefined || before.length > best.indexOf('*')) best = pattern
  }
  if (best === undefined) return undefined
  const [before = '', after = ''] = best.split('*')
  return choose(table[best] as Target, key.slice(before.length, key.length - after.length))
}

function choose(target: Target, star: string): string | undefined {
  if (typeof target === 'string') return target.replaceAll('*', star)
  if (target === null) return undefined
  if (Array.isArray(target)) {
    for (const one of target) {
      const chosen = choose(one as Target, star)
      if (chosen !== undefined) return chosen
    }
    return undefined
  }
  for (const [condition, next] of Object.entries(target)) {
    if (!conditions().has(condition)) continue
    const chosen = choose(next as Target, star)
    if (chosen !== undefined) return chosen
  }
  return undefined
}

let cached: ReadonlySet<string> | undefined
function conditions(): ReadonlySet<string> {
  if (cached !== undefined) return cached
  const given = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(/\s+/)]
  const own = given.flatMap((word, index) => {
    const match = /^(?:--conditions|-C)(?:=(.*))?$/.exec(word)
    return match ? [match[1] ?? given[index + 1] ?? ''] : []
  })
  return (cached = new Set(['node', 'import', 'module-sync', 'node-addons', 'default', ...own]))
}
