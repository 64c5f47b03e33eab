/**
 * Where the statements of a script begin at its top level, by one pass over its brackets, strings and comments. To parse
 * a large script takes ten times as long as to send a function of it, so only the statements in question are parsed.
 *
 * Not every statement is listed: where it is doubtful that one begins, it counts as part of the one before. What the
 * pass cannot tell at all (a `/` behind a `}`) ends it: then the whole script is parsed.
 */
export interface Range {
  readonly start: number
  readonly end: number
}

export interface Outline {
  /** In order. The first is where the code begins. */
  readonly starts: readonly number[]
  /** Brackets that may be the left side of an assignment: names inside may be assigned. */
  readonly targets: readonly Range[]
  /** `eval` and `with` may assign variables without naming them. */
  readonly assignsUnseen: boolean
}

const inside = /["'`/()[\]{}]/g
const atTop = /["'`/()[\]{};\n\r\u2028\u2029]/g
const word = /[\w$\u0080-\uffff]/
/** Behind these a `/` begins a regular expression. */
const operandFollows = new Set('return typeof instanceof in of new delete void throw case do else yield await default'.split(' '))
/** Behind these, too, a new line begins no statement. */
const moreFollows = new Set('export import async extends const let var'.split(' '))
const headers = new Set(['if', 'while', 'for', 'with', 'await'])
const continues = new Set(['else', 'catch', 'finally', 'while', 'of', 'in', 'instanceof', 'from', 'with', 'as'])

/** Behind a closing bracket these begin a statement even on the same line. */
const declaring = new Set(['export', 'import', 'function', 'class', 'const', 'let', 'var'])

/** Undefined where brackets alone do not tell. */
export function outlineOf(source: string): Outline | undefined {
  const starts: number[] = []
  const targets: Range[] = []
  /** Where brackets were opened; `~at` for the `${` of a template. */
  const open: number[] = []
  let lastParen = -1
  /** The last comments, with nothing but space between them. */
  let comments: Range = { start: -1, end: -1 }

  let at = source.startsWith('#!') ? lineEnd(source, 0) : 0
  at = blanks(at)
  starts.push(at)
  for (;;) {
    const pattern = open.length === 0 ? atTop : inside
    pattern.lastIndex = at
    if (!pattern.test(source)) break
    at = pattern.lastIndex
    const here = at - 1
    const char = source[here] as string
    switch (char) {
      case '"':
      case "'":
        at = stringEnd(source, at, char)
        break
      case '`':
        at = template(at)
        break
      case '/':
        if (source[at] === '/' || source[at] === '*') at = comment(here)
        else {
          const isRegex = regexAt(before(here))
          if (isRegex === undefined) return undefined
          if (isRegex) at = regexEnd(source, at)
        }
        break
      case '(':
      case '[':
      case '{':
        open.push(here)
        break
      case ')':
        lastParen = open.pop() ?? -1
        break
      case ']':
      case '}': {
        const opened = open.pop()
        if (opened === undefined) return undefined
        if (opened < 0) at = template(at)
        else if (open.length === 0 && declaring.has(wordAt(source, blanks(at)))) starts.push((at = blanks(at)))
        else if (isTarget(blanks(at)) && !/^(const|let|var)$/.test(wordBefore(opened))) targets.push({ start: opened, end: here })
        break
      }
      case ';':
        at = blanks(at)
        starts.push(at)
        break
      default: {
        const previous = before(here)
        at = blanks(at)
        const next = wordAt(source, at)
        if (next === 'export' || (next !== '' && beginsAfter(previous) && !continues.has(next))) starts.push(at)
      }
    }
    if (at < 0) return undefined
  }
  return open.length > 0 ? undefined : { starts: [...new Set(starts)], targets, assignsUnseen: /\beval\s*\(|\bwith\s*\(/.test(source) }

  /** Past spaces and comments. */
  function blanks(from: number): number {
    let to = from
    for (;;) {
      const code = source.charCodeAt(to)
      if (code === 32 || (code >= 9 && code <= 13) || code === 0xa0 || code === 0xfeff || code === 0x2028 || code === 0x2029) to++
      else if (code === 47 && (source[to + 1] === '/' || source[to + 1] === '*')) to = comment(to)
      else return to
    }
  }

  function comment(start: number): number {
    const end = source[start + 1] === '/' ? lineEnd(source, start) : blockEnd(source, start + 2)
    const joins = comments.end >= 0 && comments.end <= start && source.slice(comments.end, start).trim() === ''
    comments = { start: joins ? comments.start : start, end }
    return end
  }

  /** The last offset before `to` that is neither space nor comment. */
  function before(to: number): number {
    let from = to - 1
    for (;;) {
      if (comments.end > 0 && from >= comments.start && from < comments.end) from = comments.start - 1
      else if (from >= 0 && /\s/.test(source[from] as string)) from--
      else return from
    }
  }

  function wordBefore(to: number): string {
    const last = before(to)
    let first = last
    while (first >= 0 && word.test(source[first] as string)) first--
    return source.slice(first + 1, last + 1)
  }

  /** Whether a `/` behind this offset begins a regular expression; undefined where that needs a parser. */
  function regexAt(last: number): boolean | undefined {
    const char = source[last]
    if (char === undefined) return true
    if (char === '}') return undefined
    if (char === ')') return headers.has(wordBefore(lastParen))
    if (char === ']' || char === '"' || char === "'" || char === '`') return false
    if (word.test(char)) {
      const previous = wordBefore(last + 1)
      return operandFollows.has(previous) && source[last - previous.length] !== '.'
    }
    return !((char === '+' || char === '-') && source[last - 1] === char)
  }

  /** Whether a word on a new line behind this offset begins a statement. */
  function beginsAfter(last: number): boolean {
    const char = source[last]
    if (char === undefined || char === '}' || char === ']' || char === '"' || char === "'" || char === '`') return true
    if (char === ')') return !headers.has(wordBefore(lastParen))
    const previous = wordBefore(last + 1)
    return word.test(char) && !operandFollows.has(previous) && !moreFollows.has(previous)
  }

  function isTarget(next: number): boolean {
    if (source[next] === '=') return source[next + 1] !== '=' && source[next + 1] !== '>'
    const following = wordAt(source, next)
    return following === 'of' || following === 'in'
  }

  /** Past the template, or past the next `${` of it. */
  function template(from: number): number {
    const pattern = /[`\\]|\$\{/g
    pattern.lastIndex = from
    for (let found = pattern.exec(source); found !== null; found = pattern.exec(source)) {
      if (found[0] === '`') return pattern.lastIndex
      if (found[0] === '\\') pattern.lastIndex++
      else {
        open.push(~found.index)
        return pattern.lastIndex
      }
    }
    return -1
  }
}

function lineEnd(source: string, from: number): number {
  const pattern = /[\n\r\u2028\u2029]/g
  pattern.lastIndex = from
  return pattern.test(source) ? pattern.lastIndex - 1 : source.length
}

function blockEnd(source: string, from: number): number {
  const end = source.indexOf('*/', from)
  return end < 0 ? source.length : end + 2
}

function stringEnd(source: string, from: number, quote: string): number {
  for (let end = source.indexOf(quote, from); end >= 0; end = source.indexOf(quote, end + 1)) {
    let slashes = 0
    while (source[end - 1 - slashes] === '\\') slashes++
    if (slashes % 2 === 0) return end + 1
  }
  return -1
}

function regexEnd(source: string, from: number): number {
  let inClass = false
  for (let at = from; at < source.length; at++) {
    const char = source[at]
    if (char === '\\') at++
    else if (char === '[') inClass = true
    else if (char === ']') inClass = false
    else if (char === '\n') return -1
    else if (char === '/' && !inClass) return at + 1
  }
  return -1
}

function wordAt(source: string, from: number): string {
  let to = from
  while (to < source.length && word.test(source[to] as string)) to++
  return source.slice(from, to)
}

const assigns = /(?:[\s)]|\/\/.*|\/\*[^]*?\*\/)*(?:=(?![=>])|\+\+|--|(?:\*\*|<<|>>>?|&&|\|\||\?\?|[-+*/%&|^])=(?!=))/y
const loops = /\s*(?:of|in)(?![\w$])/y

/**
 * Whether any place of the script may assign a variable of this name, after its declaration. Says yes too often: it
 * knows nothing of scopes, and little of strings.
 */
export function mayAssign(source: string, { targets }: Outline, name: string, declaredAt: number): boolean {
  for (let at = source.indexOf(name); at >= 0; at = source.indexOf(name, at + 1)) {
    const end = at + name.length
    if (at === declaredAt || word.test(source[at - 1] ?? '') || word.test(source[end] ?? '')) continue
    const lead = source.slice(Math.max(0, at - 40), at).trimEnd()
    if (lead.endsWith('.') && !lead.endsWith('..')) continue
    if (/(?<![\w$])(?:function\s*\*?|class)$/.test(lead)) return true
    if (/(?<![\w$])(?:const|let)$/.test(lead)) continue
    if (/(?:\+\+|--|\*\/)[\s(]*$/.test(lead)) return true
    assigns.lastIndex = loops.lastIndex = end
    if (assigns.test(source) || (lead.endsWith('(') && loops.test(source))) return true
    if (targets.some(({ start, end }) => at > start && at < end)) return true
  }
  return false
}
