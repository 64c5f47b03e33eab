import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { makeBlueprint } from '../../src/blueprint.ts'
import type { Script } from '../../src/inspector.ts'
import { mayAssign, outlineOf } from '../../src/outline.ts'
import { partAt } from '../../src/part.ts'
import { analyse, usesIn, type FunctionPlace } from '../../src/scope.ts'
import { isClass, parse } from '../../src/source.ts'

const script = (source: string, id: string): Script => ({ id, url: `file:///${id}`, source, isModule: true, contextId: 1, startLine: 0, startColumn: 0 })

/** Where the engine says that the function is. */
function offsetOf({ node, member }: FunctionPlace, source: string): number {
  if (isClass(node)) {
    const constructor = node.body.body.find((element) => element.type === 'MethodDefinition' && element.kind === 'constructor')
    return constructor?.type === 'MethodDefinition' ? constructor.value.start : node.start
  }
  if (node.type === 'ArrowFunctionExpression' || member !== undefined) return node.start
  return source.indexOf('(', node.id?.end ?? node.start)
}

describe('the outline of a script', () => {
  it.each([
    ['a regular expression with brackets', 'const a = /[/}\'"`]{1}/.test(x)\nconst b = 1'],
    ['a division', 'const a = x / 2 / y\nconst b = c / 2'],
    ['a regular expression behind a header', 'if (a) /}/.test(b)\nconst c = 1'],
    ['templates in templates', 'const a = `}${`{${b}`}`\nconst c = `\\`${{}}`'],
    ['comments', '/* } */ const a = 1 // {\n// export const no = 1\n/*\nexport const neither = 1\n*/\nconst b = 2'],
    ['no semicolons', 'foo()\nbar()\nconst a = [1]\nbaz`x`\nfoo\nbar'],
    ['statements that go on', 'const a =\n  1 +\n  2\nconst b = foo\n  instanceof bar\nconst f = async\nfunction g() {}'],
    ['one line', 'function a(){}export{a as b};class C{}export default 1;const d=1,e=2'],
    ['blocks', 'if (a) {\n b }\nelse {\n c }\ntry { a } catch { b }\nfinally { c }\ndo { a }\nwhile (b)\nfor (const a of b)\n  c()\nd()'],
  ])('begins its statements where statements begin, and misses no export: %s', (_, source) => {
    const { body } = parse(source, true)
    const outline = outlineOf(source)
    const begins = new Set(body.map(({ start }) => start))
    expect(outline?.starts.filter((start) => !begins.has(start))).toEqual([])
    for (const { type, start } of body) if (type.startsWith('Export')) expect(outline?.starts).toContain(start)
  })

  it('is not made where brackets do not tell a division from a regular expression', () => {
    expect(outlineOf('const a = {} / 2')).toBeUndefined()
    expect(outlineOf('const a = (')).toBeUndefined()
  })

  it('finds every way to assign a variable', () => {
    const ways = ['n = 1', 'n += 1', 'n ??= 1', 'n++', '--n', '++ n', '[n] = a', '({ n } = a)', '({ a: [n] } = a)', '[a, ...n] = a', 'for (n of a);', 'for (n in a);', 'for ([n] of a);', '(n) = 1', 'n /* */ = 1', '++(n)', '({ n = 1 } = a)']
    for (const way of ways) {
      const source = `let n; ${way}`
      expect(mayAssign(source, outlineOf(source)!, 'n', 4), way).toBe(true)
    }
    const others = ['n == 1', 'n === 1', 'n => 1', 'a.n = 1', 'a(n)', '[n]', '({ n })', 'const n = 1', 'let n = 1', 'const { n } = a', 'n < 1', 'n <= 1', 'a = n', 'mn = 1', 'n1 = 1', 'n // x']
    for (const other of others) {
      const source = `let n; ${other}`
      expect(mayAssign(source, outlineOf(source)!, 'n', 4), other).toBe(false)
    }
  })
})

const require = createRequire(import.meta.url)
const sources = {
  acorn: readFileSync(require.resolve('acorn').replace(/\.js$/, '.mjs'), 'utf8'),
  small: `
import def, { named as local } from 'library'
import * as all from 'library'
const limit = 3
let counter = 0, other = 1
export const { deep: [taken] } = all
export function bump() { return counter++ }
function recursive(n) { return n === 0 ? limit : recursive(n - 1) }
class Shape extends def { static of() { return new Shape(local) } area() { return super.area() + taken } }
export const peek = () => [counter, other, () => counter, recursive(2)]
export const make = (start) => { let inner = start; const read = () => inner; return { read, write(n) { inner = n; return all.x } } }
export default () => Shape
`,
}

it.each(Object.entries(sources))('one statement of %s says of a function what the whole script says', (name, source) => {
  const from = script(source, name)
  const whole = analyse(parse(source, true), true)
  let read = 0
  for (const place of whole.functions) {
    if (place.member?.type === 'MethodDefinition' && place.member.kind === 'constructor') continue
    const inner = new Set(usesIn(whole.names, place.node).filter(({ binding }) => binding).map((use) => use.name))
    const part = partAt(from, offsetOf(place, source), (variable) => inner.has(variable))
    if (part === undefined) continue
    read++
    const [one, all] = [part.analysis, whole].map((analysis, index) => makeBlueprint(from, analysis, index === 0 ? part.place : place, (variable) => inner.has(variable)))
    const facts = (made: typeof one) => made!.free.map(({ key, reference, writes, early, isDeclared }) => ({ key, reference, writes, early, isDeclared }))
    expect(facts(one)).toEqual(facts(all))
    expect({ ...one!.plan, text: '', names: [] }).toEqual({ ...all!.plan, text: '', names: [] })
    for (const [index, { isCell, isConstant }] of all!.free.entries()) {
      const { isCell: maybeCell, isConstant: surely } = one!.free[index]!
      expect(maybeCell || !isCell).toBe(true)
      expect(isConstant || !surely).toBe(true)
    }
  }
  expect(read).toBeGreaterThan(whole.functions.length / 2)
})
