/**
 * What a function's source alone says: the text that can stand elsewhere, and which names it needs to be given there.
 * Made once per place in a script, shared by all closures of that place.
 */
import { pathToFileURL } from 'node:url'
import { resolve } from 'node:path'
import type { ErrorCode } from '@multiproc/core'
import { classSource, type ClassSource } from './class-source.ts'
import { applyEdits, memberStart, type Edit } from './edits.ts'
import type { Plan, Reference } from './heads.ts'
import type { Script } from './inspector.ts'
import { usesIn, type Analysis, type Binding, type FunctionPlace, type NameUse, type OwnedUse } from './scope.ts'
import { isClass, placeOf } from './source.ts'
import { viteReference } from './vite.ts'

export interface FreeName {
  /** Its name in the text. For a cell the text says `mp$name.value`. */
  readonly name: string
  readonly reference?: Reference
  readonly isCell: boolean
  /** The shipped text assigns it. */
  readonly writes: boolean
  /** Never reassigned: what was captured once holds for good. */
  readonly isConstant: boolean
  /** Not even by another script, which can assign what a script declares at its top level. */
  readonly isFixed: boolean
  readonly neverUndefined: boolean
  /** Needed while a class is evaluated. */
  readonly early: boolean
  /** Which declaration: the same for all functions of one script. */
  readonly key: string
  /** Declared by the script itself or a function: only then are global properties meant too. */
  readonly isDeclared: boolean
  /** Declared to be a function or class, for good: what it holds was made in the very scope that holds the name. */
  readonly isMadeThere: boolean
}

export interface Blueprint {
  readonly plan: Plan
  readonly free: readonly FreeName[]
  readonly hasBase: boolean
  readonly memberTexts?: ReadonlySet<string>
  readonly refused?: { readonly code: ErrorCode; readonly fact: string; readonly instead: string }
}

const commonjsNames = new Set(['require', 'module', 'exports', '__filename', '__dirname'])

/** The engine's own among the global properties that cannot be deleted. */
const fixedGlobals = new Set(['undefined', 'NaN', 'Infinity'])

/**
 * Whether a global is a variable or function that a script declared at its top level (a line of the REPL is a script of
 * its own): those, unlike what was only put on `globalThis`, cannot be deleted.
 */
export function isScriptVariable(name: string): boolean {
  return Object.getOwnPropertyDescriptor(globalThis, name)?.configurable === false && !fixedGlobals.has(name)
}

/** The URL that a script's relative imports are relative to. Evaluated code (`-e`, stdin) stands in the working directory. */
export function baseUrl(script: Script): string {
  if (/^[a-z][a-z+.-]+:/i.test(script.url)) return script.url
  return pathToFileURL(script.url.startsWith('/') ? script.url : resolve('[eval]')).href
}

export function makeBlueprint(script: Script, analysis: Analysis, place: FunctionPlace, isInScopes: (name: string) => boolean): Blueprint {
  const { node, member } = place
  const { source } = script
  const base = baseUrl(script)
  const inside = (range: { start: number; end: number }): boolean => range.start >= node.start && range.end <= node.end
  const classParts: ClassSource | undefined = isClass(node) ? classSource(node, source) : undefined
  const edits: Edit[] = [...(classParts?.edits ?? [])]
  const dropped = (at: number): boolean => (classParts?.edits ?? []).some((edit) => at >= edit.start && at < edit.end)
  const free = new Map<string, FreeName>()
  let refused: Blueprint['refused']
  let self: string | undefined

  for (const use of usesIn(analysis.names, node)) {
    if (dropped(use.start)) continue
    const { binding } = use
    if (binding !== undefined && binding.scope.parent !== undefined && inside(binding.scope)) continue
    if (binding !== undefined && isOwnName(binding)) {
      if (node.type !== 'FunctionDeclaration' && node.type !== 'ClassDeclaration') self = use.name
      continue
    }
    if (binding === undefined && !(commonjsNames.has(use.name) && !script.isModule) && !isInScopes(use.name)) continue
    const made = describeName(use)
    const name = made.isCell ? `mp$${use.name}` : use.name
    const before = free.get(name)
    free.set(name, { ...made, writes: made.writes || before?.writes === true, early: made.early || before?.early === true })
    if (made.isCell) edits.push(cellEdit(use))
  }
  for (const use of analysis.owned) {
    if (use.start < node.start || use.end > node.end || dropped(use.start)) continue
    if (use.owner !== undefined && inside(use.owner) && !(use.what === 'super' && use.owner === node)) continue
    ownedByOthers(use)
  }
  for (const meta of analysis.metas) {
    if (!inside(meta) || dropped(meta.start)) continue
    // As long as what it replaces, so that columns in stack traces hold. The same below.
    edits.push({ ...meta, text: 'mp$impMeta_' })
    addReference('mp$impMeta_', ['meta', base])
  }
  for (const start of analysis.dynamicImports) {
    if (start < node.start || start > node.end || dropped(start)) continue
    edits.push({ start, end: start + 'import'.length, text: 'mp$imp' })
    addReference('mp$imp', ['importer', base])
  }
  if (analysis.dynamicScopes.some((start) => start >= node.start && start < node.end)) {
    refuse('ERR_MULTIPROC_NO_SOURCE', 'it contains a direct eval or `with`, so its variables cannot be told', 'Use `new Function`, or export it from a module.')
  }
  if (classParts?.privateStatic !== undefined) {
    refuse('ERR_MULTIPROC_PRIVATE_STATE', `its static ${classParts.privateStatic} cannot be read from outside`, 'Export the class from a module, or keep the value in a variable beside it.')
  }
  // A declared name that is reassigned somewhere is a variable like any other: it must not be bound by the text.
  if (node.type === 'FunctionDeclaration' && node.id && (free.has(node.id.name) || free.has(`mp$${node.id.name}`))) edits.push({ start: node.id.start, end: node.id.end, text: '' })
  const kind = memberKind()
  const start = kind === undefined || member === undefined ? node.start : memberStart(source, member as { start: number; end: number; static?: boolean })
  const plan: Plan = {
    text: applyEdits(source, start, node.end, edits),
    ...(kind && { member: kind }),
    ...(self !== undefined && { self }),
    ...(classParts && { isClass: true as const }),
    strict: place.strict,
    url: script.url,
    ...placeOf(script, start),
    names: [...free.keys()],
    ...([...free.values()].some(({ writes, isCell }) => writes && !isCell) && { changes: true as const }),
  }
  return { plan, free: [...free.values()], hasBase: classParts?.hasBase ?? false, memberTexts: classParts?.memberTexts, refused }

  /** The function is what this never reassigned name is declared to be, in the very scope that made it. */
  function isOwnName(binding: Binding): boolean {
    return binding.value === node && !binding.assigned && binding.kind !== 'var'
  }

  function describeName(use: NameUse): FreeName {
    const { binding, name } = use
    const early = classParts?.early.some((range) => use.start >= range.start && use.end <= range.end) ?? false
    if (binding === undefined) {
      const reference: Reference | undefined = commonjsNames.has(name) && !script.isModule ? ['cjs', name, base] : undefined
      return { name, reference, isCell: false, writes: use.writes, isConstant: reference !== undefined, isFixed: true, neverUndefined: false, early, key: `${script.id}:${name}`, isDeclared: isScriptVariable(name), isMadeThere: false }
    }
    const imported = binding.imported
    const { kind, assigned } = binding
    const vite = imported === undefined && !script.isModule ? viteReference(binding, base) : undefined
    return {
      name,
      reference: imported ? ['import', imported.specifier, imported.name, base, ...(imported.type === undefined ? ([] as const) : ([imported.type] as const))] : vite,
      isCell: binding.assignedInFunction,
      writes: use.writes,
      // A direct eval may assign any variable it sees.
      isConstant: vite !== undefined || kind === 'import' || kind === 'const' || (!assigned && kind !== 'var' && (kind !== 'let' || binding.initialised) && analysis.dynamicScopes.length === 0),
      isFixed: kind === 'import' || kind === 'const',
      neverUndefined: binding.neverUndefined && !assigned,
      early,
      key: `${script.id}:${binding.start}`,
      isDeclared: true,
      isMadeThere: !assigned && kind !== 'var' && binding.value !== undefined && /Function|Class/.test(binding.value.type),
    }
  }

  function cellEdit({ name, start, end, shorthand, called }: NameUse): Edit {
    const text = `mp$${name}.value`
    return { start, end, text: shorthand ? `${name}: ${text}` : called ? `(0, ${text})` : text }
  }

  function addReference(name: string, reference: Reference): void {
    free.set(name, { name, reference, isCell: false, writes: false, isConstant: true, isFixed: true, neverUndefined: false, early: false, key: name, isDeclared: false, isMadeThere: false })
  }

  function refuse(code: ErrorCode, fact: string, instead: string): void {
    refused ??= { code, fact, instead }
  }

  function ownedByOthers({ what, start, end, owner }: OwnedUse): void {
    if (what === 'arguments') {
      if (owner === undefined) return
      edits.push({ start, end, text: 'mp$args__' })
      free.set('mp$args__', { name: 'arguments', isCell: false, writes: false, isConstant: false, isFixed: false, neverUndefined: false, early: false, key: `${script.id}:arguments:${owner.start}`, isDeclared: true, isMadeThere: false })
    } else if (what === 'super') {
      refuse('ERR_MULTIPROC_SUPER', 'it uses `super`, and the object it belongs to cannot be seen', 'Send its class, or an instance and the name of the method.')
    } else if (what === 'private') {
      refuse('ERR_MULTIPROC_PRIVATE_STATE', `it uses ${source.slice(start, end)} of a class around it`, 'Send the class, or an instance and the name of the method.')
    } else if (what === 'new.target' || owner !== undefined || !script.isModule) {
      const instead = what === 'this' ? 'Copy what it needs into a variable first: `const { limit } = this`, and use `limit`.' : 'Copy it into a variable first.'
      refuse('ERR_MULTIPROC_CAPTURES_THIS', `it uses the \`${what}\` of the function around it, which cannot be read`, instead)
    }
  }

  function memberKind(): Plan['member'] {
    if (member === undefined || !('key' in member)) return undefined
    const key = member.key as { start: number; end: number }
    const computed = 'computed' in member && member.computed === true
    const start = computed ? source.lastIndexOf('[', key.start - 1) : key.start
    const end = computed ? source.indexOf(']', key.end) + 1 : key.end
    edits.push({ start, end, text: 'm' })
    return 'kind' in member && (member.kind === 'get' || member.kind === 'set') ? member.kind : 'value'
  }
}
