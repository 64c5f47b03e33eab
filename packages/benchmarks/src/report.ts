import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { arch, cpus, release, totalmem, type } from 'node:os'
import { createRequire } from 'node:module'
import { higherIsBetter, type Answer } from './measure.ts'

const PEERS = ['piscina', 'tinypool', 'workerpool', 'poolifier', 'jest-worker', 'proper-lockfile', 'comlink', 'zeromq', 'msgpackr']

/** Where and with what the figures were taken: without it they mean nothing. */
export function circumstances(): string {
  const cpu = cpus()
  const peers = PEERS.flatMap((name) => versionOf(name) ?? []).join(', ')
  return [
    `${cpu.length} × ${cpu[0]?.model ?? 'unknown CPU'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${type()} ${release()} ${arch()}`,
    `Node ${process.version}, ${versionOf('multiproc')}; ${peers}; ${printed('python3', '--version') ?? 'no python3'}`,
    `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, commit ${printed('git', 'rev-parse', '--short', 'HEAD') ?? 'unknown'}`,
  ].join('\n')
}

/** A Markdown table, which also reads well in a terminal. */
export function table({ title, unit, rows, absent }: Answer): string {
  const cells = rows.map((row, index) => [
    row.name,
    figure(row.median),
    `${figure(row.min)} … ${figure(row.max)}`,
    index === 0 ? '' : `${row.ratio.toFixed(2)} ×`,
  ])
  const notes = absent.map((reason) => `\nNot run: ${reason}\n`).join('')
  return `## ${title}\n\n${markdown([['', unit, 'min … max', 'against the first'], ...cells])}${notes}`
}

/** Every promise of the tables in one: what was asked, what was measured, and whether that is enough. */
export function targetTable(answers: readonly Answer[]): string {
  const rows = answers.flatMap(({ title, rows, targets }) =>
    targets.map(({ against, ratio }) => {
      const measured = rows.find(({ name }) => name === against)
      const verdict = measured === undefined ? 'not run' : measured.ratio >= ratio ? 'met' : 'missed'
      return [title, against, `${ratio} ×`, measured === undefined ? '' : `${measured.ratio.toFixed(2)} ×`, verdict]
    }),
  )
  return rows.length === 0 ? '' : `## Targets\n\n${markdown([['', 'against', 'target', 'measured', ''], ...rows])}`
}

/** How the ratios moved since a saved run. The figures of two runs are not comparable; their ratios are, roughly. */
export function comparison(answers: readonly Answer[], saved: readonly Answer[]): string {
  const rows = answers.flatMap((now) => {
    const before = saved.find(({ title }) => title === now.title)
    return now.rows.slice(1).flatMap(({ name, ratio }) => {
      const old = before?.rows.find((row) => row.name === name)
      return old ? [[now.title, name, `${old.ratio.toFixed(2)} ×`, `${ratio.toFixed(2)} ×`, `${(ratio / old.ratio).toFixed(2)}`]] : []
    })
  })
  return `## Against the saved run\n\n${markdown([['', 'against', 'saved', 'now', 'now / saved'], ...rows])}`
}

/** One bar a contender, the first one's in colour; its length is speed, whatever the unit. Readable on light and dark pages. */
export function chart(answers: readonly Answer[]): string {
  const [labelWidth, barWidth, line] = [300, 360, 20]
  let y = 0
  const body: string[] = []
  for (const { title, unit, rows } of answers) {
    y += line * 2
    body.push(`<text class="title" x="0" y="${y}">${escapeXml(`${title} (${unit})`)}</text>`)
    const speeds = rows.map(({ median }) => (higherIsBetter(unit) ? median : 1 / median))
    const best = Math.max(...speeds)
    for (const [index, { name, median }] of rows.entries()) {
      y += line
      const width = Math.max(1, (speeds[index]! / best) * barWidth)
      body.push(
        `<text x="${labelWidth - 8}" y="${y}" text-anchor="end">${escapeXml(name)}</text>`,
        `<rect class="${index === 0 ? 'ours' : 'theirs'}" x="${labelWidth}" y="${y - 11}" width="${width.toFixed(1)}" height="13" rx="2"/>`,
        `<text x="${(labelWidth + width + 6).toFixed(1)}" y="${y}">${figure(median)}</text>`,
      )
    }
  }
  const style = `text{font:12px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}.ours{fill:#1a7f37}.theirs{fill:#8c959f}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ours{fill:#3fb950}.theirs{fill:#6e7681}}`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 ${y + line}" width="760"><style>${style}</style>\n${body.join('\n')}\n</svg>\n`
}

function markdown(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(3, ...lines.map((line) => line[column]!.length)))
  const text = lines.map((line) => `| ${line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join(' | ')} |`)
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return `${[text[0], rule, ...text.slice(1)].join('\n')}\n`
}

function figure(value: number): string {
  return value >= 1000 ? Math.round(Number(value.toPrecision(3))).toLocaleString('en-US') : String(Number(value.toPrecision(3)))
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

function printed(command: string, ...args: string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}

/** `name version` of what is installed beside this package; a peer that is not is left out. */
function versionOf(name: string): string | undefined {
  const require = createRequire(import.meta.url)
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return `${name} ${JSON.parse(readFileSync(`${folder}/${name}/package.json`, 'utf8')).version}`
    } catch {
      // Not in this folder: the next one.
    }
  }
  return undefined
}
