import { expect, it } from 'vitest'
import { analyse } from '../../src/scope.ts'
import { functionAt, parse } from '../../src/source.ts'

/** The names that stay free, in the whole source, with what they were found to be. */
function names(source: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const { name, binding } of analyse(parse(source, true), true).names) {
    found[name] = binding === undefined ? 'global' : `${binding.kind}${binding.assignedInFunction ? ' cell' : binding.assigned ? ' assigned' : ''}`
  }
  return found
}

it('tells a variable that a function reassigns from one that only its own scope does', () => {
  expect(names('let a = 1; let b = 1; const c = 1; b = 2; () => { a = 2; return b + c + d }')).toEqual({ a: 'let cell', b: 'let assigned', c: 'const', d: 'global' })
  expect(names('let a, b, c, d; () => { [a, { x: b }] = []; for (c of []); d++ }')).toEqual({ a: 'let cell', b: 'let cell', c: 'let cell', d: 'let cell' })
})

it('finds declarations of every kind', () => {
  expect(names('import a, { x as b } from "m"; function f() {} class C {} (p = a, { q, ...r }) => { try { b } catch (e) { e } f; C; p; q; r; var v; v }')).toEqual({
    a: 'import', b: 'import', e: 'param', f: 'function', C: 'class', p: 'param', q: 'param', r: 'param', v: 'var',
  })
  expect(names('const n = function again() { again }; class K { static m() { K } }; label: for (const i of []) { i; continue label }')).toEqual({ again: 'name', K: 'name', i: 'const' })
})

it('does not take keys, members and labels for names', () => {
  expect(names('x.y; ({ k: 1, m() {}, [z]: 1 }); class A { f = 1; g() {} }')).toEqual({ x: 'global', z: 'global' })
})

it('finds functions where the engine says they are', () => {
  const source = 'const a = async (x) => x; function b(p) {} class C { constructor() {} } class D {} ({ m() {}, get g() { return 1 } })'
  const analysis = analyse(parse(source, true), true)
  const at = (text: string, ahead = 0): string | undefined => functionAt(analysis, source.indexOf(text) + ahead)?.node.type
  expect(at('async')).toBe('ArrowFunctionExpression')
  expect(at('(p)')).toBe('FunctionDeclaration')
  expect(at('constructor()', 'constructor'.length)).toBe('ClassDeclaration')
  expect(at('class D')).toBe('ClassDeclaration')
  expect(at('m()', 1)).toBe('FunctionExpression')
})
