/**
 * vitest and Vite's server run modules as functions, in which imports are objects of their own (proxies). They are told
 * by the names that the transform gives them, and travel as the imports they were: the other process loads the file
 * itself, so what a test mocks is real there.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Reference } from './heads.ts'
import type { Binding } from './scope.ts'

const importName = /^__vi(?:te_ssr)?_import_\d+__$/

export function viteReference({ name, kind, value }: Binding, base: string): Reference | undefined {
  if (kind === 'param') {
    if (name === '__vite_ssr_import_meta__') return ['meta', base]
    return name === '__vite_ssr_dynamic_import__' ? ['importer', base] : undefined
  }
  if (kind !== 'const' || !importName.test(name)) return undefined
  const call = value?.type === 'AwaitExpression' ? value.argument : value
  if (call?.type !== 'CallExpression') return undefined
  const [source] = call.arguments
  return source?.type === 'Literal' && typeof source.value === 'string' ? ['import', specifierOf(source.value), '*', base] : undefined
}

/** Vite's ids are paths from its root, which is the working directory, or `/@fs/` and a path from the file system's. */
function specifierOf(id: string): string {
  if (!id.startsWith('/')) return id
  const path = id.replace(/^\/@fs(?=\/)/, '').replace(/\?.*$/, '')
  const inRoot = join(process.cwd(), path)
  return pathToFileURL(existsSync(inRoot) ? inRoot : path).href
}
