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
import type { ExportHead } from './heads.ts'
import type { Look, Script } from './inspector.ts'
import { nameOfExport } from './scope.ts'
import { offsetOf, programOf } from './source.ts'

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

interface Exports {
  /** From exported name to local name. */
  readonly locals: ReadonlyMap<string, string>
  readonly defaultRange?: { readonly start: number; readonly end: number }
}

const exportsOf = new WeakMap<Script, Exports>()

function esmExport(fn: Function, seen: Look, script: Script): string | undefined {
  const variables = seen.scopes.find(({ description }) => description === 'Module')?.variables
  if (variables === undefined) return undefined
  const { locals, defaultRange } = readExports(script)
  for (const [name, local] of locals) if (holds(variables, local, fn)) return name
  if (defaultRange !== undefined && seen.location !== undefined) {
    // An anonymous default has no variable; only the outermost function there is it, not one inside.
    const program = programOf(script)
    const declaration = program?.body.find((statement) => statement.type === 'ExportDefaultDeclaration')?.declaration
    const isFunction = declaration !== undefined && /Function|Class/.test(declaration.type)
    const offset = offsetOf(script, seen.location.line, seen.location.column)
    if (isFunction && Function.prototype.toString.call(fn) === script.source.slice(defaultRange.start, defaultRange.end) && offset >= defaultRange.start && offset < defaultRange.end) return 'default'
  }
  return undefined
}

function holds(variables: Record<string, unknown>, name: string, fn: Function): boolean {
  try {
    return Object.hasOwn(variables, name) && variables[name] === fn
  } catch {
    return false // It has no value yet.
  }
}

function readExports(script: Script): Exports {
  const known = exportsOf.get(script)
  if (known !== undefined) return known
  const locals = new Map<string, string>()
  let defaultRange: Exports['defaultRange']
  for (const statement of programOf(script)?.body ?? []) {
    if (statement.type === 'ExportDefaultDeclaration') {
      const { declaration } = statement
      if ('id' in declaration && declaration.id && /Declaration$/.test(declaration.type)) locals.set('default', declaration.id.name)
      else if (declaration.type === 'Identifier') locals.set('default', declaration.name)
      else defaultRange = { start: declaration.start, end: declaration.end }
    } else if (statement.type === 'ExportNamedDeclaration' && !statement.source) {
      for (const { local, exported } of statement.specifiers) locals.set(nameOfExport(exported), nameOfExport(local))
      const { declaration } = statement
      if (declaration?.type === 'VariableDeclaration') {
        for (const { id } of declaration.declarations) if (id.type === 'Identifier') locals.set(id.name, id.name)
      } else if (declaration?.id) locals.set(declaration.id.name, declaration.id.name)
    }
  }
  const made = { locals, defaultRange }
  exportsOf.set(script, made)
  return made
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
