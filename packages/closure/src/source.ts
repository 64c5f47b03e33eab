/** From a function's location to its node in the parsed script. The parsed scripts are kept only a few at a time. */
import { createRequire } from 'node:module'
import type { Class, Function as FunctionNode, Options, Program, Statement } from 'acorn'
import { analyse, type Analysis, type FunctionPlace } from './scope.ts'
import type { Script } from './inspector.ts'

/** Syntax trees are large: what is taken out of them is cached for good, they are not. */
const TREES_KEPT = 4
const trees = new Map<string, { program?: Program; analysis?: Analysis }>()

let parser: typeof import('acorn') | undefined

/** The script's syntax tree, or undefined where the parser does not know the syntax. */
export function programOf(script: Script): Program | undefined {
  const cached = trees.get(script.id)
  if (cached !== undefined) return cached.program
  let program: Program | undefined
  try {
    program = parse(script.source, script.isModule)
  } catch {
    // Syntax newer than the parser: the function's own text may still be understood.
  }
  if (trees.size >= TREES_KEPT) trees.delete(trees.keys().next().value as string)
  trees.set(script.id, { program })
  return program
}

export function analysisOf(script: Script): Analysis | undefined {
  const program = programOf(script)
  const kept = trees.get(script.id)
  if (program === undefined || kept === undefined) return undefined
  return (kept.analysis ??= analyse(program, script.isModule))
}

export function parse(source: string, isModule: boolean): Program {
  return acorn().parse(source, parserOptions(isModule))
}

/** What acorn keeps for those who extend its parser. */
interface ParserInside {
  readonly lastTokEnd: number
  readonly type: unknown
  nextToken(): void
  parseStatement(context: null, isTopLevel: true, exports: object): Statement
}

/** The statements from the one that begins at `start` to the one that `offset` is in; undefined if that cannot be read. */
export function statementsAt({ source, isModule }: Script, start: number, offset: number): Statement[] | undefined {
  try {
    const { Parser, tokTypes } = acorn()
    const parser = new (Parser as unknown as new (options: Options, input: string, start: number) => ParserInside)(parserOptions(isModule), source, start)
    const statements: Statement[] = []
    parser.nextToken()
    do {
      if (parser.type === tokTypes.eof) return undefined
      statements.push(parser.parseStatement(null, true, {}))
    } while (parser.lastTokEnd <= offset)
    return statements
  } catch {
    return undefined
  }
}

/** Loaded at the first send: a child that only receives functions never needs the parser. */
function acorn(): typeof import('acorn') {
  return (parser ??= createRequire(import.meta.url)('acorn') as typeof import('acorn'))
}

function parserOptions(isModule: boolean): Options {
  return {
    ecmaVersion: 'latest',
    sourceType: isModule ? 'module' : 'script',
    allowReturnOutsideFunction: true,
    allowAwaitOutsideFunction: true,
    allowSuperOutsideMethod: true,
    allowHashBang: true,
    checkPrivateFields: false,
  }
}

/** The offset in the source of a place that V8 names. */
export function offsetOf(script: Script, line: number, column: number): number {
  const row = line - script.startLine
  const at = row === 0 ? column - script.startColumn : column
  return (lineStarts(script)[row] ?? Number.NaN) + at
}

/** The reverse: zero-based line and column. */
export function placeOf(script: Script, offset: number): { line: number; column: number } {
  const starts = lineStarts(script)
  let low = 0
  for (let high = starts.length; high - low > 1; ) {
    const middle = (low + high) >> 1
    if ((starts[middle] as number) <= offset) low = middle
    else high = middle
  }
  return { line: low + script.startLine, column: offset - (starts[low] as number) + (low === 0 ? script.startColumn : 0) }
}

const starts = new WeakMap<Script, number[]>()
function lineStarts(script: Script): number[] {
  let made = starts.get(script)
  if (made === undefined) {
    made = [0]
    const breaks = /\r\n|[\n\r\u2028\u2029]/g
    while (breaks.test(script.source)) made.push(breaks.lastIndex)
    starts.set(script, made)
  }
  return made
}

/**
 * The function that V8 places at `offset`: the `(` of its parameters; an arrow's start; the word `class`, or the `(` of
 * the class's constructor.
 */
export function functionAt(analysis: Analysis, offset: number): FunctionPlace | undefined {
  let method: FunctionPlace | undefined
  for (const place of analysis.functions) {
    const { node } = place
    if (offset < node.start || offset >= node.end) continue
    if (isClass(node)) {
      const constructor = node.body.body.find((element) => element.type === 'MethodDefinition' && element.kind === 'constructor')
      const at = constructor?.type === 'MethodDefinition' ? constructor.value.start : node.start
      if (at === offset) return place
    } else if (node.type === 'ArrowFunctionExpression') {
      if (node.start === offset) return place
      // Nothing nested can stand between a function's start and its first parameter.
    } else if (offset < (node.params[0]?.start ?? node.body.start)) method = place
  }
  return method
}

export function isClass(node: FunctionNode | Class): node is Class {
  return node.type === 'ClassDeclaration' || node.type === 'ClassExpression'
}
