/**
 * By reference: finds under which export of which module the other process gets the same function.
 *
 * ESM: the parsed exports name a local variable, and the module scope that the inspector has just read holds this very
 * function in it. Exact and synchronous; a bundle's chunk counts as the module. CommonJS: identity in `require.cache`.
 * Never the main module (importing it would run the program again), and nothing without a file.
 */
import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { ModuleDeclaration, Statement } from 'acorn'
import type { ExportHead } from './heads.ts'
import type { Look, Script } from './inspector.ts'
import { outlineFor } from './part.ts'
import { nameOfExport } from './scope.ts'
import { offsetOf, programOf, statementsAt } from './source.ts'

const cache = createRequire(import.meta.url).cache as Record<string, { exports?: unknown } | undefined>

/** How functions are compared between processes: by their source. */
const hashes = new WeakMap<Function, string>()
export function hashOf(fn: Function): string {
  let hash = hashes.get(fn)
  if (hash === undefined) hashes.set(fn, (hash = createHash('sha1').update(Function.prototype.toString.call(fn)).digest('base64url')))
  return hash
}

let mainUrl: string | undefined
/** Whether the URL is this thread's main program. */
export function isMainModule(url: string): boolean {
  mainUrl ??= findMain()
  return url.split(/[?#]/, 1)[0] === mainUrl
}

function findMain(): string {
  const file = process.argv[1]
  if (file === undefined) return ''
  try {
    return pathToFileURL(createRequire(import.meta.url).main?.filename ?? realpathSync(createRequire(pathToFileURL(`${process.cwd()}/`)).resolve(file))).href
  } catch {
    return pathToFileURL(file).href
  }
}

export function exportOf(fn: Function, seen: Look, script: Script): ExportHead | undefined {
  const url = script.url.startsWith('/') ? pathToFileURL(script.url).href : script.url
  if (!url.startsWith('file:') || isMainModule(url)) return undefined
  const name = script.isModule ? esmExport(fn, seen, script) : commonjsExport(fn, url)
  if (name === undefined) return undefined
  return { kind: 'export', url, name, hash: hashOf(fn), ...(!script.isModule && { commonjs: true as const }) }
}

/**
 * The same where functions cannot be looked into: among all modules that `require` has loaded. What `import` has loaded
 * cannot be listed there.
 */
export function requiredExportOf(fn: Function): ExportHead | undefined {
  for (const file of Object.keys(cache)) {
    const url = pathToFileURL(file).href
    if (!/\.c?js$/.test(file) || isMainModule(url)) continue
    const name = commonjsExport(fn, url)
    if (name !== undefined) return { kind: 'export', url, name, hash: hashOf(fn), commonjs: true }
  }
  return undefined
}

function esmExport(fn: Function, seen: Look, script: Script): string | undefined {
  const variables = seen.scopes.find(({ description }) => description === 'Module')?.variables
  if (variables === undefined) return undefined
  const held = new Set(Object.keys(variables).filter((name) => holds(variables, name, fn)))
  const offset = seen.location === undefined ? -1 : offsetOf(script, seen.location.line, seen.location.column)
  for (const statement of exportStatements(script, held, offset)) {
    if (statement.type === 'ExportDefaultDeclaration') {
      const { declaration } = statement
      if ('id' in declaration && declaration.id && /Declaration$/.test(declaration.type) ? held.has(declaration.id.name) : declaration.type === 'Identifier' && held.has(declaration.name)) return 'default'
      // An anonymous default has no variable; only the outermost function there is it, not one inside.
      const { start, end } = declaration
      if (/Function|Class/.test(declaration.type) && offset >= start && offset < end && Function.prototype.toString.call(fn) === script.source.slice(start, end)) return 'default'
    } else if (statement.type === 'ExportNamedDeclaration' && !statement.source) {
      for (const { local, exported } of statement.specifiers) if (held.has(nameOfExport(local))) return nameOfExport(exported)
      const { declaration } = statement
      if (declaration?.type === 'VariableDeclaration') {
        for (const { id } of declaration.declarations) if (id.type === 'Identifier' && held.has(id.name)) return id.name
      } else if (declaration?.id && held.has(declaration.id.name)) return declaration.id.name
    }
  }
  return undefined
}

function holds(variables: Record<string, unknown>, name: string, fn: Function): boolean {
  try {
    return variables[name] === fn
  } catch {
    return false // It has no value yet.
  }
}

const exportOfOne = /export\s+(?:(?:async\s+)?function[\s*]+|class\s+)([\w$\u0080-\uffff]+)/y

/** Those that may export one of these variables, or what stands at `offset`. */
function* exportStatements(script: Script, locals: ReadonlySet<string>, offset: number): Iterable<Statement | ModuleDeclaration> {
  const outline = outlineFor(script)
  if (outline === undefined) {
    yield* programOf(script)?.body ?? []
    return
  }
  const { starts } = outline
  for (const [index, start] of starts.entries()) {
    if (!script.source.startsWith('export', start)) continue
    exportOfOne.lastIndex = start
    const only = exportOfOne.exec(script.source)?.[1]
    if (only !== undefined && !locals.has(only)) continue
    const end = starts[index + 1] ?? script.source.length
    if (!(offset >= start && offset < end)) {
      const text = script.source.slice(start, end)
      if (![...locals].some((name) => text.includes(name))) continue
    }
    yield* statementsAt(script, start, start) ?? programOf(script)?.body ?? []
  }
}

/** The name under which `module.exports` holds `fn`; `*` if it is `fn`. */
function commonjsExport(fn: Function, url: string): string | undefined {
  const exports = cache[fileURLToPath(url)]?.exports
  if (exports === fn) return '*'
  if ((typeof exports !== 'object' && typeof exports !== 'function') || exports === null) return undefined
  for (const name of Object.keys(exports)) {
    try {
      if ((exports as Record<string, unknown>)[name] === fn) return name
    } catch {
      // A getter that throws exports nothing.
    }
  }
  return undefined
}
