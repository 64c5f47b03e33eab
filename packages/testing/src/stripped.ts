/**
 * Runs TypeScript programs on a Node that does not strip types by itself (before 22.18): copies without types, and without
 * syntax that is younger than that Node (`using`), beside the originals so that every import still resolves.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, resolve } from 'node:path'

const require = createRequire(import.meta.url)

const RELATIVE_IMPORT = /(\bfrom\s*|\bimport\s*\(?\s*|\bnew URL\(\s*)(['"])(\.{1,2}\/[^'"\n]+)\.ts\2/g

/** The path of a `.mjs` copy of a `.ts` program, and of every file of its package's tests that it imports. */
export function stripped(file: string, done = new Set<string>()): string {
  const copy = file.replace(/\.ts$/, '.stripped.mjs')
  if (done.has(file)) return copy
  done.add(file)
  const text = lowered(readFileSync(file, 'utf8')).replace(RELATIVE_IMPORT, (whole, before, quote, path) => {
    const target = resolve(dirname(file), `${path}.ts`)
    if (!existsSync(target)) return whole
    stripped(target, done)
    return `${before}${quote}${path}.stripped.mjs${quote}`
  })
  // Several test processes may do this at once; what they write is the same.
  if (!existsSync(copy) || readFileSync(copy, 'utf8') !== text) writeFileSync(copy, text)
  return copy
}

function lowered(text: string): string {
  // Loaded only here: most test processes need no compiler.
  const ts = require('typescript') as typeof import('typescript')
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true }
  return ts.transpileModule(text, { compilerOptions }).outputText
}
