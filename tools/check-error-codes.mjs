/**
 * codes.ts is the table of all error codes: every code that a source file names is in it, every code in it is named by
 * some other source file or marked `planned`, and the page in docs that is generated from it is up to date
 * (`node tools/check-error-codes.mjs --write` writes it).
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesUnder, packageFolders, report } from './sources.mjs'
import { root } from './setup.mjs'

const table = 'packages/core/src/errors/codes.ts'
const page = join(root, 'docs', 'reference', 'errors.md')

if (!existsSync(join(root, table))) {
  report([`${table} is missing`], '')
} else {
  const { codes } = await import(new URL(`../${table}`, import.meta.url))
  const faults = []
  const thrown = new Set()
  for (const folder of packageFolders) {
    for (const [path, text] of filesUnder(folder, 'src')) {
      for (const [code] of text.matchAll(/\bERR_MULTIPROC_[A-Z_]*[A-Z]\b(?!_?\*|_\$)/g)) {
        if (path !== table) thrown.add(code)
        if (!(code in codes)) faults.push(`${path}: ${code} is not in ${table}`)
      }
    }
  }
  for (const [code, { planned }] of Object.entries(codes)) {
    if (planned && thrown.has(code)) faults.push(`${table}: ${code} is thrown, so it is no longer planned`)
    if (!planned && !thrown.has(code) && code.startsWith('ERR_')) faults.push(`${table}: ${code} is thrown nowhere: mark it planned or remove it`)
  }
  const text = pageText(codes)
  if (process.argv.includes('--write')) writeFileSync(page, text)
  else if (!existsSync(page) || readFileSync(page, 'utf8') !== text) faults.push('docs/reference/errors.md is stale: node tools/check-error-codes.mjs --write')
  report([...new Set(faults)], `${Object.keys(codes).length} codes, the page is up to date`)
}

function pageText(codes) {
  const rows = Object.entries(codes).map(([code, { when, then, planned }]) => `| \`${code}\` | ${planned ? '*Not thrown yet.* ' : ''}${when} | ${then} |`)
  return `# Error codes\n\nGenerated from \`${table}\`. Match on \`error.code\`; texts may change.\n\n| code | when | what to do |\n|---|---|---|\n${rows.join('\n')}\n`
}
