import { readFileSync } from 'node:fs'
import { arch, cpus, release, totalmem, type } from 'node:os'
import { createRequire } from 'node:module'
import type { Answer } from './measure.ts'

/** Where and with what the figures were taken: without it they mean nothing. */
export function circumstances(): string {
  const cpu = cpus()
  return [
    `${cpu.length} × ${cpu[0]?.model ?? 'unknown CPU'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${type()} ${release()} ${arch()}`,
    `Node ${process.version}, multiproc ${versionOf('multiproc')}, piscina ${versionOf('piscina')}`,
  ].join('\n')
}

/** A Markdown table, which also reads well in a terminal. */
export function table({ question, rows }: Answer): string {
  const cells = rows.map((row, index) => [
    row.name,
    figure(row.median),
    `${figure(row.min)} … ${figure(row.max)}`,
    index === 0 ? '' : `${row.ratio.toFixed(2)} ×`,
  ])
  const lines = [['', question.unit, 'min … max', 'against the first'], ...cells]
  const widths = lines[0]!.map((_, column) => Math.max(3, ...lines.map((line) => line[column]!.length)))
  const text = lines.map((line) => `| ${line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join(' | ')} |`)
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return `## ${question.title}\n\n${[text[0], rule, ...text.slice(1)].join('\n')}\n`
}

function figure(value: number): string {
  return value >= 1000 ? Math.round(Number(value.toPrecision(3))).toLocaleString('en-US') : String(Number(value.toPrecision(3)))
}

function versionOf(name: string): string {
  const require = createRequire(import.meta.url)
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return JSON.parse(readFileSync(`${folder}/${name}/package.json`, 'utf8')).version
    } catch {
      // Not in this folder: the next one.
    }
  }
  return 'unknown'
}
