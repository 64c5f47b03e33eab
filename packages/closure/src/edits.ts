/** Changes of a source text by range. A change inside a larger one is dropped with it. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

export function applyEdits(source: string, start: number, end: number, edits: readonly Edit[]): string {
  const sorted = edits.toSorted((a, b) => a.start - b.start || b.end - a.end)
  let text = ''
  let at = start
  for (const edit of sorted) {
    if (edit.start < at) continue
    text += source.slice(at, edit.start) + edit.text
    at = edit.end
  }
  return text + source.slice(at, end)
}

/** White space of the same shape, so that lines behind it keep their numbers. */
export function blank(source: string, start: number, end: number): Edit {
  return { start, end, text: source.slice(start, end).replace(/[^\n\r\u2028\u2029]/g, ' ') }
}

/** Where a method's own text begins and ends: without `static`, as `Function.prototype.toString` shows it. */
export function memberText(source: string, member: { start: number; end: number; static?: boolean }): string {
  return source.slice(memberStart(source, member), member.end)
}

export function memberStart(source: string, member: { start: number; end: number; static?: boolean }): number {
  if (member.static !== true) return member.start
  const lead = /^static(?:\s|\/\*[^]*?\*\/|\/\/.*)+/.exec(source.slice(member.start, member.end))
  return member.start + (lead?.[0].length ?? 0)
}
