/**
 * Values that travel by name and are found again: imports, `require` and its companions, `import.meta`, globals.
 *
 * Modules load synchronously, by `require` of their file (which for ESM gives the namespace that `import` gives),
 * unless `preload` imported them before; only that way can a module with top-level await be met.
 */
import { createRequire, isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { types } from 'node:util'
import { MultiprocError } from '@multiproc/core'
import type { Reference } from './heads.ts'
import { globalAt } from './intrinsics.ts'
import { resolveImport } from './resolution.ts'

/** Stand-ins and namespaces made here, so that sending them on names what they stand for. */
const origins = new WeakMap<object, Reference>()
const namespaces = new Map<string, object>()
const standIns = new Map<string, unknown>()

const { cache } = createRequire(import.meta.url)

export function referenceOf(value: object): Reference | undefined {
  return origins.get(value) ?? (typeof value === 'function' ? requireReference(value as NodeJS.Require) : undefined)
}

/** A `require`, of a CommonJS module or made by `createRequire`: its folder is where it looks for relative files. */
function requireReference(fn: NodeJS.Require): Reference | undefined {
  if (types.isProxy(fn) || !Object.hasOwn(fn, 'cache') || fn.cache !== cache) return undefined
  const [folder] = fn.resolve.paths('./file') ?? []
  return folder === undefined ? undefined : ['cjs', 'require', pathToFileURL(join(folder, 'file')).href]
}

/** Loads what the references need, with `import()`. */
export async function preloadReference(reference: Reference): Promise<void> {
  if (reference[0] === 'import') await preloadModule(resolveImport(reference[1], reference[3]), reference[4])
}

export async function preloadModule(url: string, type?: string): Promise<void> {
  if (namespaces.has(url)) return
  namespaces.set(url, (await import(url, type === undefined ? undefined : { with: { type } })) as object)
}

/** The namespace of a module, as `import` gives it. */
export function moduleNamespace(url: string): object {
  const known = namespaces.get(url)
  if (known !== undefined) return known
  let loaded: unknown
  try {
    loaded = isBuiltin(url) ? process.getBuiltinModule(url) : createRequire(url)(fileURLToPath(url))
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error
    throw new MultiprocError('ERR_MULTIPROC_UNSUPPORTED', `receiving a function failed: ${url} uses top-level await and is not loaded here yet. Import it in this process first, or remove the top-level await.`, { cause: error })
  }
  const namespace = types.isModuleNamespaceObject(loaded) ? (loaded as object) : asNamespace(loaded)
  namespaces.set(url, namespace)
  return namespace
}

/** What `import` makes of a CommonJS, JSON or builtin module. */
function asNamespace(exports: unknown): object {
  const named = (typeof exports === 'object' && exports !== null) || typeof exports === 'function' ? exports : {}
  const namespace = Object.create(null) as Record<string, unknown>
  for (const name of Object.keys(named)) Object.defineProperty(namespace, name, { get: () => (named as Record<string, unknown>)[name], enumerable: true })
  Object.defineProperty(namespace, 'default', { value: exports, enumerable: true })
  return namespace
}

export function resolveReference(reference: Reference): unknown {
  switch (reference[0]) {
    case 'import': {
      const [, specifier, imported, base] = reference
      const namespace = moduleNamespace(resolveImport(specifier, base))
      if (imported === '*') {
        origins.set(namespace, reference)
        return namespace
      }
      const value = (namespace as Record<string, unknown>)[imported]
      // A module or other object is told by where it came from when it is sent on; functions are found by themselves.
      if (typeof value === 'object' && value !== null && !origins.has(value) && imported === 'default') origins.set(value, reference)
      return value
    }
    case 'cjs':
    case 'meta':
    case 'importer': {
      const key = reference.join('\0')
      if (!standIns.has(key)) {
        const made = makeStandIn(reference)
        standIns.set(key, made)
        if (typeof made === 'object' || typeof made === 'function') origins.set(made as object, reference)
      }
      return standIns.get(key)
    }
    case 'global':
      return globalAt(reference[1].split('.'))
    case 'symbol':
      return Symbol.for(reference[1])
  }
}

function makeStandIn(reference: Extract<Reference, readonly ['cjs' | 'meta' | 'importer', ...string[]]>): unknown {
  const base = reference[reference.length - 1] as string
  const file = base.startsWith('file:') ? fileURLToPath(base) : base
  if (reference[0] === 'importer') {
    return async (specifier: unknown, options?: ImportCallOptions) => (await import(resolveImport(String(specifier), base), options)) as unknown
  }
  if (reference[0] === 'meta') {
    const resolve = (specifier: string): string => resolveImport(specifier, base)
    return Object.assign(Object.create(null), { dirname: dirname(file), filename: file, url: base, resolve, main: false })
  }
  switch (reference[1]) {
    case 'require':
      return createRequire(base)
    case '__filename':
      return file
    case '__dirname':
      return dirname(file)
    case 'module':
      return { id: file, filename: file, path: dirname(file), loaded: true, exports: {}, children: [], paths: [] }
    default:
      return {}
  }
}
