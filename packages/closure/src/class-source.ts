/**
 * A class's source, edited so that evaluating it again runs nothing of the user's but computed keys: the base class is
 * given, static fields and static blocks are blanked (their results travel as own properties).
 */
import type { Class } from 'acorn'
import { blank, memberText, type Edit } from './edits.ts'

/** The parameter that stands for the base class. */
export const BASE = 'mp$base'

export interface ClassSource {
  readonly edits: readonly Edit[]
  readonly hasBase: boolean
  /** Its methods as `toString()` shows them: properties that hold these come with the class's own text. */
  readonly memberTexts: ReadonlySet<string>
  /** Ranges that are evaluated at once, before captured values are there. */
  readonly early: readonly { readonly start: number; readonly end: number }[]
  readonly privateStatic?: string
}

export function classSource(node: Class, source: string): ClassSource {
  const edits: Edit[] = []
  const memberTexts = new Set<string>()
  const early: { start: number; end: number }[] = []
  let privateStatic: string | undefined
  const base = node.superClass
  const hasBase = base != null && !(base.type === 'Literal' && base.value === null)
  if (hasBase) edits.push({ start: base.start, end: base.end, text: ` ${BASE}` })
  for (const element of node.body.body) {
    if (element.type === 'StaticBlock') edits.push(blank(source, element.start, element.end))
    else if (element.type === 'PropertyDefinition' && element.static) {
      if (element.key.type === 'PrivateIdentifier') privateStatic = `#${element.key.name}`
      edits.push(blank(source, element.start, element.end))
    } else {
      if (element.computed) early.push(element.key)
      if (element.type === 'MethodDefinition') memberTexts.add(memberText(source, element))
    }
  }
  return { edits, hasBase, memberTexts, early, privateStatic }
}

/** The first private member that instances carry, if any: such an instance cannot be made without its constructor. */
export function privateMember(node: Class): string | undefined {
  for (const element of node.body.body) {
    if (element.type === 'StaticBlock' || element.static || element.key.type !== 'PrivateIdentifier') continue
    return `#${element.key.name}`
  }
  return undefined
}
