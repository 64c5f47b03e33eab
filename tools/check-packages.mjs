/** publint over every published package, after the build: exports, types, files and engines as installers see them. */
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { manifestOf, packageFolders, report } from './sources.mjs'
import { root } from './setup.mjs'

const faults = []
const published = packageFolders.filter((folder) => !manifestOf(folder).private)
for (const folder of published) {
  const manifest = manifestOf(folder)
  for (const field of ['license', 'description', 'repository', 'exports', 'types', 'files', 'engines']) {
    if (!manifest[field]) faults.push(`packages/${folder}/package.json: no ${field}`)
  }
  const { messages } = await publint({ pkgDir: join(root, 'packages', folder), strict: true, pack: false })
  for (const message of messages) faults.push(`packages/${folder}: ${formatMessage(message, manifest)}`)
}
report(faults, `${published.length} packages are fit to be published`)
