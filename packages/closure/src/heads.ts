/**
 * What of a function crosses the process border: the protocol between capture.ts (sender) and rebuild.ts (receiver).
 *
 * A head is JSON-like. Whatever else a function holds is a *part*, encoded in the message's one graph, in this order:
 *   captures tagged `part` or `cell` | own properties | own properties of `.prototype` | the function's prototype
 */

/** A value found again at the other end by name, not copied. `base` is the URL of the module that names it. */
export type Reference =
  | readonly ['import', specifier: string, imported: string, base: string, type?: string]
  | readonly ['cjs', name: string, base: string]
  | readonly ['meta', base: string]
  | readonly ['importer', base: string]
  | readonly ['global', path: string]
  | readonly ['symbol', key: string]

export type Captured =
  | readonly ['value', string | number | boolean | null]
  | readonly ['undefined']
  | readonly ['function', index: number]
  /** The next part, set once all parts are decoded. */
  | readonly ['part']
  /** The same, a box `{ value }` shared by all functions of the message that use this reassigned variable. */
  | readonly ['cell']
  | Reference

/** The part of a function that its source alone decides: the same object for all closures of one place. */
export interface Plan {
  /** An expression, or a property definition (`m(){…}`) when `member` is set; edited, so that it stands alone. */
  readonly text: string
  readonly member?: 'value' | 'get' | 'set'
  /** The constant that holds the function itself, so that recursion needs no late filling. */
  readonly self?: string
  readonly isClass?: true
  readonly strict: boolean
  /** Where it was written, for stack traces. Zero-based. */
  readonly url: string
  readonly line: number
  readonly column: number
  /** The names that the text leaves free, in the order of `captures`. */
  readonly names: readonly string[]
  /** It assigns some of them (variables of evaluated code, that no declaration is seen of). */
  readonly changes?: true
}

/** One own property: its name (`null`: a symbol, which is a part before the value) and its attributes as bits. */
export type OwnProperty = readonly [key: string | null, attributes: number]
export const WRITABLE = 1
export const ENUMERABLE = 2
export const CONFIGURABLE = 4
/** Two parts follow, getter and setter, instead of one value. */
export const ACCESSOR = 8

export interface SourceHead {
  readonly kind: 'source'
  readonly id: string
  readonly name: string
  readonly plan: Plan
  readonly captures: readonly Captured[]
  /** A class's base class. */
  readonly base?: number
  readonly own: readonly OwnProperty[]
  readonly prototypeOwn: readonly OwnProperty[]
  /** Parts that say where prototype chains lead: of the function itself, of its `.prototype`. */
  readonly chain?: readonly ('self' | 'prototype')[]
  /** Stands in the bytes of a constant function: one that has arrived already is the same. */
  readonly isConstant?: true
}

export interface BoundHead {
  readonly kind: 'bound'
  readonly id: string
  readonly name: string
  readonly length: number
  readonly target: number
  /** `this`, then the arguments. */
  readonly captures: readonly Captured[]
  readonly own: readonly OwnProperty[]
}

/** A function that an importable module exports; `hash` is of its source, and compared by the receiver. */
export interface ExportHead {
  readonly kind: 'export'
  readonly url: string
  readonly name: string
  readonly hash: string
  readonly commonjs?: true
}

/** One that every Node has: by its path from the globals, or from a builtin module. */
export interface KnownHead {
  readonly kind: 'known'
  readonly module?: string
  readonly path: readonly string[]
}

/** `require` or the stand-in of `import()` that a rebuilt function was given. */
export interface ReferenceHead {
  readonly kind: 'reference'
  readonly reference: Reference
}

/**
 * A function by value that can never change, with all functions it needs, as bytes of their heads, itself first. Where
 * it has arrived before, the bytes are not looked at.
 */
export interface ConstantHead {
  readonly kind: 'constant'
  readonly id: string
  /** Bytes, one a character: a string is written and read in one go. */
  readonly heads: string
}

export type Head = ConstantHead | SourceHead | BoundHead | ExportHead | KnownHead | ReferenceHead
