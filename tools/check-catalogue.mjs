/**
 * How much of CPython's own test suite for multiprocessing is shown here. Every row of the catalogue is checked by a test
 * whose title carries `cpython: <name>`, does not apply (with its reason), or stands in not-covered.json with a reason;
 * every known hang has a test titled `cpython: hang <id>`, or names the tests that show it. The page in docs is generated
 * from that (`node tools/check-catalogue.mjs --write`).
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesUnder, packageFolders, report } from './sources.mjs'
import { root } from './setup.mjs'

const folder = 'packages/integration-tests/cpython-catalogue'
const page = join(root, 'docs', 'reference', 'conformance.md')
const read = (name) => JSON.parse(readFileSync(join(root, folder, name), 'utf8'))
const rows = read('rows.json')
const hangs = read('hangs.json')
const notCovered = read('not-covered.json')

const NOT_WRITTEN = 'not written yet'
const TITLE = /['"`](?:[^'"`\n]* \()?cpython: (?:hang (?<hang>\d+)\b|(?<row>\w+\.\w+))/g

const writing = process.argv.includes('--write')
const faults = []
const tested = new Map()
const texts = [...packageFolders.flatMap((name) => filesUnder(name, 'test')), ...filesUnder('integration-tests', 'cpython-catalogue')]
const files = texts.filter(([path]) => path.endsWith('.test.ts'))
for (const [path, text] of files) {
  for (const match of text.matchAll(TITLE)) {
    const { hang, row } = match.groups
    const line = text.slice(text.lastIndexOf('\n', match.index) + 1, match.index)
    if (/^\s*(\/\/|\*)/.test(line)) continue
    if (/\.(skip|todo)\b/.test(line)) faults.push(`${path}: a skipped test covers nothing: ${row ?? `hang ${hang}`}`)
    const name = row ?? `hang ${hang}`
    tested.set(name, [...(tested.get(name) ?? []), path])
  }
}

if (writing) {
  // A test that was written meanwhile needs no entry any more; other reasons are somebody's words and stay.
  for (const [name, reason] of Object.entries(notCovered)) if (reason === NOT_WRITTEN && tested.has(name)) delete notCovered[name]
  writeFileSync(join(root, folder, 'not-covered.json'), JSON.stringify(notCovered, null, 2) + '\n')
}

const names = new Set(rows.map(({ name }) => name))
for (const [name, [path]] of tested) {
  if (!names.has(name) && !hangs.some(({ id }) => name === `hang ${id}`)) faults.push(`${path}: ${name} is not in ${folder}`)
}
if (names.size !== rows.length) faults.push(`${folder}/rows.json: a name stands there twice`)
for (const name of Object.keys(notCovered)) {
  if (!names.has(name)) faults.push(`${folder}/not-covered.json: ${name} is not in rows.json`)
}

for (const row of rows) {
  const reason = row.applies === 'no' ? row.reason : notCovered[row.name]
  if (!['yes', 'adapted', 'no'].includes(row.applies)) faults.push(`${row.name}: applies is ${row.applies}`)
  if (row.applies === 'no' && !row.reason) faults.push(`${row.name}: does not apply, but no reason is given`)
  if (row.applies === 'adapted' && !row.how) faults.push(`${row.name}: is adapted, but not how`)
  if (row.applies === 'no' && row.name in notCovered) faults.push(`${row.name}: does not apply, and is in not-covered.json too`)
  if (tested.has(row.name) && reason !== undefined) faults.push(`${row.name}: has a test (${tested.get(row.name)[0]}), and a reason why not: ${reason}`)
  if (!tested.has(row.name) && reason === undefined) faults.push(`${row.name}: neither a test with \`cpython: ${row.name}\` in its title, nor a reason in not-covered.json`)
  row.state = tested.has(row.name) ? 'tested' : row.applies === 'no' ? 'not applicable' : reason === NOT_WRITTEN ? 'not written' : 'not covered'
}
for (const hang of hangs) {
  const missing = (hang.shownBy ?? []).filter((title) => !files.some(([, text]) => text.includes(title)))
  for (const title of missing) faults.push(`hang ${hang.id}: no test is titled ${JSON.stringify(title)}`)
  const own = tested.has(`hang ${hang.id}`)
  if (own && (hang.shownBy || hang.notShown)) faults.push(`hang ${hang.id}: has a test, and an entry that says otherwise`)
  if (!own && !hang.shownBy?.length && !hang.notShown) faults.push(`hang ${hang.id}: no test, and no shownBy or notShown`)
  hang.state = own || hang.shownBy?.length ? 'shown' : hang.notShown === NOT_WRITTEN ? 'not written' : 'not shown'
}

const text = pageText()
if (writing) writeFileSync(page, text)
else if (!existsSync(page) || readFileSync(page, 'utf8') !== text) faults.push('docs/reference/conformance.md is stale: node tools/check-catalogue.mjs --write')
report(faults, `${rows.length} rows: ${count('tested')} tested, ${count('not applicable')} do not apply, ${count('not covered')} not covered, ${count('not written')} not written yet; ${hangs.filter(({ state }) => state === 'shown').length} of ${hangs.length} known hangs shown to be excluded`)

function count(state, group) {
  return rows.filter((row) => row.state === state && (group === undefined || row.group === group)).length
}

function pageText() {
  const groups = [...new Set(rows.map(({ group }) => group))]
  const states = ['tested', 'not applicable', 'not covered', 'not written']
  const line = (title, group) => `| ${title} | ${rows.filter((row) => group === undefined || row.group === group).length} | ${states.map((state) => count(state, group)).join(' | ')} |`
  const reasons = (state) =>
    groups
      .map((group) => [group, rows.filter((row) => row.group === group && row.state === state)])
      .filter(([, rows]) => rows.length > 0)
      .map(([group, rows]) => `### ${group}\n\n| test | behaviour | why not |\n|---|---|---|\n${rows.map(({ name, behaviour, reason }) => `| ${name} | ${cell(behaviour)} | ${cell(reason ?? notCovered[name])} |`).join('\n')}\n`)
      .join('\n') || 'None.\n'
  const adapted = rows.filter(({ state, applies }) => state === 'tested' && applies === 'adapted')
  const unwritten = groups
    .map((group) => [group, rows.filter((row) => row.group === group && row.state === 'not written').map(({ name }) => name)])
    .filter(([, names]) => names.length > 0)
    .map(([group, names]) => `- ${group}: ${names.join(', ')}\n`)
    .join('')
  const shown = ({ state, shownBy, notShown, id }) => (state === 'shown' ? (shownBy ?? [`cpython: hang ${id}`]).map((title) => `“${title}”`).join(', ') : notShown)
  return `# Conformance

Generated by \`tools/check-catalogue.mjs\` from \`${folder}\`. One row is one test of CPython 3.15's own suites
\`_test_multiprocessing.py\`, \`test_concurrent_futures\` (process pool) and \`test_multiprocessing_main_handling.py\`, by name and
by what it shows, in our words; no code of theirs is used. "Tested" means that a test here, whose title carries the name,
shows that behaviour on real processes. \`pnpm check\` fails when a row is neither tested nor explained.

| group | rows | ${states.map((state) => ({ tested: 'tested', 'not applicable': 'does not apply', 'not covered': 'not covered', 'not written': 'not written yet' })[state]).join(' | ')} |
|---|---|---|---|---|---|
${groups.map((group) => line(group, group)).join('\n')}
${line('**all**')}

## Does not apply

${reasons('not applicable')}
## Not covered

${reasons('not covered')}
## Not written yet

${unwritten || 'None.\n'}
## Tested in a form of ours

| test | behaviour in Python | here |
|---|---|---|
${adapted.map(({ name, behaviour, how }) => `| ${name} | ${cell(behaviour)} | ${cell(how)} |`).join('\n')}

## Known hangs of Python's, and why they cannot happen here

| # | issue | in Python | here | shown by |
|---|---|---|---|---|
${hangs.map((hang) => `| ${hang.id} | ${cell(hang.issues)} | ${cell(hang.python)} | ${cell(hang.here)} | ${cell(shown(hang))} |`).join('\n')}
`
}

function cell(text) {
  return String(text).replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('<', '&lt;')
}
