/**
 * The analysis of one top-level statement in place of the whole script's: of the one that a function stands in. All that
 * the function's inner variables depend on is inside. Of the script's own variables, the statement that declares one is
 * read, and the text is searched for what may assign it.
 */
import type { Statement } from 'acorn'
import type { Script } from './inspector.ts'
import { mayAssign, outlineOf, type Outline } from './outline.ts'
import { analyse, usesIn, type Analysis, type Binding, type FunctionPlace, type Scope } from './scope.ts'
import { functionAt, isClass, statementsAt } from './source.ts'

const outlines = new WeakMap<Script, Outline | null>()

/** Undefined where the script has to be parsed as a whole. */
export function outlineFor(script: Script): Outline | undefined {
  let made = outlines.get(script)
  if (made === undefined) outlines.set(script, (made = outlineOf(script.source) ?? null))
  return made ?? undefined
}

/** Syntax trees are large. */
const PARTS_KEPT = 8
const parts = new Map<string, Analysis>()

/** To be sure about a doubtful variable, a script of so many characters is parsed as a whole. */
const PARSED_AT_ONCE = 16_000

/** The function at `offset`, with every name in it resolved; undefined if that needs the whole script. */
export function partAt(script: Script, offset: number, isInScopes: (name: string) => boolean): { analysis: Analysis; place: FunctionPlace } | undefined {
  // A script that is neither a module nor wrapped by `require` leaves its variables where no scope shows them.
  if (!script.isModule && !(isInScopes('module') && isInScopes('exports'))) return undefined
  const outline = outlineFor(script)
  if (outline === undefined || outline.assignsUnseen) return undefined
  const analysis = analysisAt(script, outline, offset)
  const place = analysis && functionAt(analysis, offset)
  if (analysis === undefined || place === undefined) return undefined
  for (const use of usesIn(analysis.names, place.node)) {
    if (use.binding === undefined) {
      // No scope need hold what only the names of a class's members use.
      if (!isInScopes(use.name) && !isClass(place.node)) continue
      use.binding = declared(script, outline, use.name)
      if (use.binding === undefined && isInScopes(use.name) && !(!script.isModule && wrapped.has(use.name))) return undefined
    }
    if (use.binding !== undefined && use.binding.scope.parent === undefined && !settle(use.binding, script, outline, place)) return undefined
  }
  return { analysis, place }
}

/** What `require` gives a module. */
const wrapped = new Set(['require', 'module', 'exports', '__filename', '__dirname'])

function analysisAt(script: Script, { starts }: Outline, offset: number): Analysis | undefined {
  const start = starts.findLast((one) => one <= offset)
  const strict = isStrict(script, starts[0] as number)
  if (start === undefined || strict === undefined) return undefined
  const key = `${script.id}:${start}`
  const known = parts.get(key)
  // What was found to stand there may have been read only up to an earlier function.
  if (known !== undefined && known.program.end > offset) return known
  const body = statementsAt(script, start, offset)
  if (body === undefined) return undefined
  const made = analyse({ type: 'Program', body, start, end: (body.at(-1) as Statement).end, sourceType: script.isModule ? 'module' : 'script' }, strict)
  if (parts.size >= PARTS_KEPT) parts.delete(parts.keys().next().value as string)
  parts.set(key, made)
  return made
}

function isStrict({ isModule, source }: Script, start: number): boolean | undefined {
  if (isModule) return true
  const [, , directive] = /^(["'])(.*?)\1/.exec(source.slice(start, start + 100)) ?? []
  return directive === undefined ? false : directive === 'use strict' ? true : undefined
}

const declarations = new WeakMap<Script, Map<string, Binding>>()
const outermost = { parent: undefined, start: 0, end: Infinity, bindings: new Map<string, Binding>() } as unknown as Scope

/** The declaration of one of the script's own variables. */
function declared(script: Script, outline: Outline, name: string): Binding | undefined {
  let known = declarations.get(script)
  if (known === undefined) declarations.set(script, (known = new Map()))
  const before = known.get(name)
  if (before !== undefined) return before
  const found = declaredFirst(script, outline, name) ?? declaredIn(script, outline, name)
  if (found === undefined) return undefined
  // Without what keeps the syntax tree.
  const made: Binding = { ...found, scope: outermost, value: undefined }
  known.set(name, made)
  return made
}

const declares = /(?:export\s+(?:default\s+)?)?(?:(import)|(const|let|var)\s+|(?:async\s+)?(function)[\s*]+|(class)\s+)/y

/** Where the name is the first that a statement declares, as most are, only that statement is read, if at all. */
function declaredFirst(script: Script, { starts }: Outline, name: string): Binding | undefined {
  const { source } = script
  for (const start of starts) {
    declares.lastIndex = start
    const [head, , variable, isFunction, isClass] = declares.exec(source) ?? []
    if (head === undefined) continue
    const at = start + head.length
    if (!source.startsWith(name, at) || /[\w$\u0080-\uffff]/.test(source[at + name.length] ?? '')) continue
    if (variable !== undefined) return bindingAt(script, start, name)
    const kind = isFunction ? 'function' : isClass ? 'class' : undefined
    if (kind) return { name, kind, scope: outermost, start: at, neverUndefined: kind === 'class', initialised: true, assigned: false, assignedInFunction: false }
  }
  return undefined
}

function declaredIn(script: Script, { starts }: Outline, name: string): Binding | undefined {
  for (const [index, start] of starts.entries()) {
    declares.lastIndex = start
    const [, imports, variable] = declares.exec(script.source) ?? []
    if ((imports ?? variable) === undefined || !script.source.slice(start, starts[index + 1]).includes(name)) continue
    const found = bindingAt(script, start, name)
    if (found !== undefined) return found
  }
  return undefined
}

function bindingAt(script: Script, start: number, name: string): Binding | undefined {
  const body = statementsAt(script, start, start)
  if (body === undefined) return undefined
  return analyse({ type: 'Program', body, start, end: script.source.length, sourceType: 'module' }, true).top.bindings.get(name)
}

const settled = new WeakSet<Binding>()

/** Notes whether something outside may assign the variable; false if the whole script must tell. */
function settle(binding: Binding, script: Script, outline: Outline, place: FunctionPlace): boolean {
  const { kind, name, start } = binding
  if (kind === 'const' || kind === 'import' || settled.has(binding)) return true
  if (mayAssign(script.source, outline, name, start)) {
    if ((kind !== 'let' && kind !== 'var') || isClass(place.node) || script.source.length < PARSED_AT_ONCE) return false
    // Taken for shared with the function that may assign it: right in any case, only a little slower.
    binding.assigned = binding.assignedInFunction = true
  }
  settled.add(binding)
  return true
}
