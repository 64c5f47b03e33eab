/**
 * Scope analysis of one script: which declaration every name refers to, and how each is assigned.
 *
 * Only what capture asks for: names that leave a function, whether a variable can change after its initialisation
 * (then captures of it are not constant) and whether a *function* changes it (then functions share it: a cell).
 * Sloppy-mode hoisting of functions out of blocks is not modelled: such a name stays unresolved and is looked up in
 * the scopes that the engine shows.
 */
import type { AnyNode, Class, Function as FunctionNode, Identifier, Pattern, Program } from 'acorn'

export type BindingKind = 'import' | 'const' | 'let' | 'var' | 'param' | 'function' | 'class' | 'name'

export interface Binding {
  readonly name: string
  readonly kind: BindingKind
  readonly scope: Scope
  readonly start: number
  /** The function or class that the declaration gives this name, if it is written there. */
  readonly value?: AnyNode
  /** Has an initialiser that cannot be undefined: if it reads as undefined, it was not run yet. */
  readonly neverUndefined: boolean
  readonly initialised: boolean
  readonly imported?: { readonly specifier: string; readonly name: string; readonly type?: string }
  assigned: boolean
  assignedInFunction: boolean
}

export interface Scope {
  readonly parent: Scope | undefined
  readonly start: number
  readonly end: number
  /** The nearest scope around that is a function's (or the script's). */
  readonly home: Scope
  readonly bindings: Map<string, Binding>
}

export interface NameUse {
  readonly name: string
  readonly start: number
  readonly end: number
  readonly scope: Scope
  readonly writes: boolean
  /** `{ name }` in a literal or pattern. */
  readonly shorthand: boolean
  /** `name()` or a tag: a rewritten name must not become a `this`. */
  readonly called: boolean
  binding?: Binding
}

/** A use of something that belongs to the function around: `this`, `arguments`, `super`, `new.target`, `#x`. */
export interface OwnedUse {
  readonly what: 'this' | 'arguments' | 'super' | 'new.target' | 'private'
  readonly start: number
  readonly end: number
  /** The function, field or block that owns it (for `#x`: the class that declares it); undefined: the script. */
  readonly owner: AnyNode | undefined
}

export interface FunctionPlace {
  readonly node: FunctionNode | Class
  readonly strict: boolean
  /** The property or class member that it is the value of, if it is written as a method. */
  readonly member?: AnyNode
  readonly scope: Scope
}

export interface Analysis {
  readonly program: Program
  readonly top: Scope
  readonly functions: readonly FunctionPlace[]
  /** Sorted by start. */
  readonly names: readonly NameUse[]
  readonly owned: readonly OwnedUse[]
  readonly metas: readonly { readonly start: number; readonly end: number }[]
  /** Starts of `import(`. */
  readonly dynamicImports: readonly number[]
  /** Starts of direct `eval(` and of `with`: names inside cannot be resolved. */
  readonly dynamicScopes: readonly number[]
}

interface Around {
  readonly scope: Scope
  readonly owner: AnyNode | undefined
  readonly strict: boolean
  readonly classes: readonly Class[]
}

const certain = new Set(['FunctionExpression', 'ArrowFunctionExpression', 'ClassExpression', 'ObjectExpression', 'ArrayExpression', 'NewExpression', 'TemplateLiteral', 'Literal'])

/** @param strict - whether the code around it is, or it is a module. */
export function analyse(program: Program, strict: boolean): Analysis {
  const functions: FunctionPlace[] = []
  const names: NameUse[] = []
  const owned: OwnedUse[] = []
  const metas: { start: number; end: number }[] = []
  const dynamicImports: number[] = []
  const dynamicScopes: number[] = []
  const top = open(program, undefined, true)
  const start: Around = { scope: top, owner: undefined, strict: strict || hasUseStrict(program.body), classes: [] }
  for (const statement of program.body) walk(statement, start)

  names.sort((a, b) => a.start - b.start)
  for (const use of names) {
    for (let scope: Scope | undefined = use.scope; scope !== undefined; scope = scope.parent) {
      const binding = scope.bindings.get(use.name)
      if (binding === undefined) continue
      use.binding = binding
      if (use.writes) {
        binding.assigned = true
        if (use.scope.home !== binding.scope.home) binding.assignedInFunction = true
      }
      break
    }
  }
  return { program, top, functions, names, owned, metas, dynamicImports, dynamicScopes }

  function open(node: { start: number; end: number }, parent: Scope | undefined, isHome = false): Scope {
    const scope = { parent, start: node.start, end: node.end, bindings: new Map<string, Binding>() } as { -readonly [K in keyof Scope]: Scope[K] }
    scope.home = isHome || parent === undefined ? scope : parent.home
    return scope
  }

  function declare(scope: Scope, id: Identifier, kind: BindingKind, more: Partial<Binding> = {}): void {
    const before = scope.bindings.get(id.name)
    if (before !== undefined) {
      // `var x` twice, or a function over a parameter: one variable that changes.
      before.assigned = true
      return
    }
    const initialised = kind !== 'var' && kind !== 'let'
    scope.bindings.set(id.name, { name: id.name, kind, scope, start: id.start, neverUndefined: kind === 'class', initialised, assigned: false, assignedInFunction: false, ...more })
  }

  function declarePattern(pattern: Pattern, kind: BindingKind, around: Around, more: Partial<Binding>): void {
    const scope = kind === 'var' ? around.scope.home : around.scope
    if (pattern.type === 'Identifier') return declare(scope, pattern, kind, more)
    const inner = { initialised: more.initialised ?? true }
    if (pattern.type === 'AssignmentPattern') {
      declarePattern(pattern.left, kind, around, inner)
      walk(pattern.right, around)
    } else if (pattern.type === 'RestElement') declarePattern(pattern.argument, kind, around, inner)
    else if (pattern.type === 'ArrayPattern') {
      for (const element of pattern.elements) if (element !== null) declarePattern(element, kind, around, inner)
    } else if (pattern.type === 'ObjectPattern') {
      for (const property of pattern.properties) {
        if (property.type === 'RestElement') declarePattern(property.argument, kind, around, inner)
        else {
          if (property.computed) walk(property.key, around)
          declarePattern(property.value, kind, around, inner)
        }
      }
    }
  }

  function use(id: Identifier, around: Around, more: Partial<NameUse> = {}): void {
    if (id.name === 'arguments') owned.push({ what: 'arguments', start: id.start, end: id.end, owner: around.owner })
    else names.push({ name: id.name, start: id.start, end: id.end, scope: around.scope, writes: false, shorthand: false, called: false, ...more })
  }

  /** The left side of an assignment. */
  function target(node: AnyNode, around: Around, shorthand = false): void {
    switch (node.type) {
      case 'Identifier':
        return use(node, around, { writes: true, shorthand })
      case 'AssignmentPattern':
        target(node.left, around, shorthand)
        return walk(node.right, around)
      case 'RestElement':
        return target(node.argument, around)
      case 'ArrayPattern':
        for (const element of node.elements) if (element !== null) target(element, around)
        return
      case 'ObjectPattern':
        for (const property of node.properties) {
          if (property.type === 'RestElement') target(property.argument, around)
          else {
            if (property.computed) walk(property.key, around)
            target(property.value, around, property.shorthand)
          }
        }
        return
      default:
        return walk(node, around)
    }
  }

  function walkFunction(node: FunctionNode, around: Around, member?: AnyNode): void {
    const body = node.body
    const strict = around.strict || (body.type === 'BlockStatement' && hasUseStrict(body.body))
    let outer = around.scope
    if (node.type === 'FunctionExpression' && node.id) {
      outer = open(node, outer)
      declare(outer, node.id, 'name')
    }
    const scope = open(node, outer, true)
    functions.push({ node, strict, member, scope })
    const inside: Around = { ...around, scope, strict, owner: node.type === 'ArrowFunctionExpression' ? around.owner : asNode(node) }
    for (const parameter of node.params) declarePattern(parameter, 'param', inside, {})
    if (body.type === 'BlockStatement') for (const statement of body.body) walk(statement, inside)
    else walk(body, inside)
  }

  function walkClass(node: Class, around: Around): void {
    const scope = open(node, around.scope)
    if (node.id) declare(scope, node.id, 'name')
    functions.push({ node, strict: true, scope })
    const inside: Around = { ...around, scope, strict: true, classes: [...around.classes, node] }
    if (node.superClass) walk(node.superClass, inside)
    for (const element of node.body.body) {
      if (element.type === 'StaticBlock') {
        const block = { ...inside, scope: open(element, scope, true), owner: element }
        for (const statement of element.body) walk(statement, block)
        continue
      }
      if (element.computed) walk(element.key, inside)
      if (element.type === 'MethodDefinition') walkFunction(element.value, inside, element)
      else if (element.value) walk(element.value, { ...inside, scope: open(element.value, scope, true), owner: element })
    }
  }

  function walkBlock(node: { start: number; end: number }, children: readonly (AnyNode | null | undefined)[], around: Around): void {
    const inside = { ...around, scope: open(node, around.scope) }
    for (const child of children) if (child) walk(child, inside)
  }

  function walk(node: AnyNode, around: Around): void {
    switch (node.type) {
      case 'Identifier':
        return use(node, around)
      case 'FunctionDeclaration':
        if (node.id) declare(around.scope, node.id, 'function', { value: asNode(node) })
        return walkFunction(node, around)
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        return walkFunction(node, around)
      case 'ClassDeclaration':
        if (node.id) declare(around.scope, node.id, 'class', { value: node })
        return walkClass(node, around)
      case 'ClassExpression':
        return walkClass(node, around)
      case 'VariableDeclaration': {
        const kind: BindingKind = node.kind === 'let' || node.kind === 'var' ? node.kind : 'const'
        for (const { id, init } of node.declarations) {
          const known = init && certain.has(init.type) && !(init.type === 'Literal' && init.value === undefined)
          declarePattern(id, kind, around, { initialised: kind !== 'var' && init != null, neverUndefined: id.type === 'Identifier' && Boolean(known), value: init ? asNode(init) : undefined })
          if (init) walk(init, around)
        }
        return
      }
      case 'ForStatement':
        return walkBlock(node, [node.init, node.test, node.update, node.body], around)
      case 'ForInStatement':
      case 'ForOfStatement': {
        const inside = { ...around, scope: open(node, around.scope) }
        if (node.left.type === 'VariableDeclaration') {
          for (const { id } of node.left.declarations) declarePattern(id, node.left.kind === 'var' ? 'var' : node.left.kind === 'let' ? 'let' : 'const', inside, { initialised: node.left.kind !== 'var' })
        } else target(node.left, inside)
        walk(node.right, inside)
        return walk(node.body, inside)
      }
      case 'BlockStatement':
        return walkBlock(node, node.body, around)
      case 'SwitchStatement':
        walk(node.discriminant, around)
        return walkBlock(node, node.cases, around)
      case 'CatchClause': {
        const inside = { ...around, scope: open(node, around.scope) }
        if (node.param) declarePattern(node.param, 'param', inside, {})
        return walk(node.body, inside)
      }
      case 'WithStatement':
        dynamicScopes.push(node.start)
        break
      case 'AssignmentExpression':
        target(node.left, around)
        return walk(node.right, around)
      case 'UpdateExpression':
        return target(node.argument, around)
      case 'CallExpression':
        if (node.callee.type === 'Identifier') {
          if (node.callee.name === 'eval' && !node.optional) dynamicScopes.push(node.start)
          use(node.callee, around, { called: true })
        } else walk(node.callee, around)
        for (const argument of node.arguments) walk(argument, around)
        return
      case 'TaggedTemplateExpression':
        if (node.tag.type === 'Identifier') use(node.tag, around, { called: true })
        else walk(node.tag, around)
        return walk(node.quasi, around)
      case 'MemberExpression':
        walk(node.object, around)
        if (node.computed || node.property.type === 'PrivateIdentifier') walk(node.property, around)
        return
      case 'Property':
        if (node.computed) walk(node.key, around)
        if (node.method || node.kind !== 'init') return walkFunction(node.value as FunctionNode, around, node)
        if (node.shorthand && node.value.type === 'Identifier') return use(node.value, around, { shorthand: true })
        return walk(node.value, around)
      case 'PrivateIdentifier': {
        const owner = around.classes.findLast((one) => one.body.body.some((element) => 'key' in element && element.key.type === 'PrivateIdentifier' && element.key.name === node.name))
        owned.push({ what: 'private', start: node.start, end: node.end, owner: owner as AnyNode | undefined })
        return
      }
      case 'ThisExpression':
        owned.push({ what: 'this', start: node.start, end: node.end, owner: around.owner })
        return
      case 'Super':
        owned.push({ what: 'super', start: node.start, end: node.end, owner: around.owner })
        return
      case 'MetaProperty':
        if (node.meta.name === 'import') metas.push({ start: node.start, end: node.end })
        else owned.push({ what: 'new.target', start: node.start, end: node.end, owner: around.owner })
        return
      case 'ImportExpression':
        dynamicImports.push(node.start)
        break
      case 'LabeledStatement':
        return walk(node.body, around)
      case 'BreakStatement':
      case 'ContinueStatement':
        return
      case 'ImportDeclaration':
        for (const one of node.specifiers) {
          const type = node.attributes.find(({ key }) => nameOfExport(key) === 'type')?.value.value
          const name = one.type === 'ImportNamespaceSpecifier' ? '*' : one.type === 'ImportDefaultSpecifier' ? 'default' : nameOfExport(one.imported)
          declare(around.scope, one.local, 'import', { imported: { specifier: String(node.source.value), name, type: type === undefined ? undefined : String(type) } })
        }
        return
      case 'ExportNamedDeclaration':
        if (node.declaration) walk(node.declaration, around)
        return
      case 'ExportAllDeclaration':
        return
    }
    for (const key of Object.keys(node)) {
      const child = (node as unknown as Record<string, unknown>)[key]
      if (Array.isArray(child)) {
        for (const one of child) if (isNode(one)) walk(one, around)
      } else if (isNode(child)) walk(child, around)
    }
  }
}

/** acorn's types tell `Function` from the two kinds of function, and so on. */
function asNode(node: object): AnyNode {
  return node as AnyNode
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}

export function nameOfExport(node: AnyNode): string {
  return node.type === 'Identifier' ? node.name : String((node as { value?: unknown }).value)
}

function hasUseStrict(body: readonly AnyNode[]): boolean {
  return body.some((statement) => statement.type === 'ExpressionStatement' && 'directive' in statement && statement.directive === 'use strict')
}

/** The uses between a node's start and end, of a list sorted by start. */
export function usesIn(names: readonly NameUse[], { start, end }: { start: number; end: number }): readonly NameUse[] {
  let low = 0
  for (let high = names.length; low < high; ) {
    const middle = (low + high) >> 1
    if ((names[middle] as NameUse).start < start) low = middle + 1
    else high = middle
  }
  let last = low
  while (last < names.length && (names[last] as NameUse).start < end) last++
  return names.slice(low, last)
}
