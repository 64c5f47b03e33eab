/**
 * What installers will see, after the build: publint over every published package, and its packed types resolved the way
 * each kind of importer does.
 */
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { manifestOf, packageFolders, report } from './sources.mjs'
import { root } from './setup.mjs'

const FIELDS = ['license', 'description', 'repository', 'exports', 'types', 'files', 'engines']
/** We publish ES modules only; CommonJS gets them by `require()` of Node 20.19 and later, and Node 10 not at all. */
const ESM_ONLY = (problem) => problem.kind === 'CJSResolvesToESM' || problem.resolutionKind === 'node10'

const faults = []
const tarballs = mkdtempSync(join(tmpdir(), 'check-packages-'))
const published = packageFolders.filter((folder) => !manifestOf(folder).private)
for (const folder of published) {
  const manifest = manifestOf(folder)
  const pkgDir = join(root, 'packages', folder)
  const say = (text) => faults.push(`packages/${folder}: ${text}`)
  for (const field of FIELDS) if (!manifest[field]) say(`package.json has no ${field}`)
  const { messages } = await publint({ pkgDir, strict: true, pack: false })
  for (const message of messages) say(formatMessage(message, manifest))

  const packed = JSON.parse(execFileSync('pnpm', ['pack', '--json', '--pack-destination', tarballs], { cwd: pkgDir, encoding: 'utf8' }))
  const { types, problems = [] } = await checkPackage(createPackageFromTarballData(readFileSync(packed.filename)))
  if (!types) say('the tarball has no types')
  for (const problem of problems) if (!ESM_ONLY(problem)) say(`types: ${problem.kind} ${problem.entrypoint ?? ''} ${problem.resolutionKind ?? ''}`)
}
rmSync(tarballs, { recursive: true })
report(faults, `${published.length} packages are fit to be published`)
