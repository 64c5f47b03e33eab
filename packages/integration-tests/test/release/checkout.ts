import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

export interface Manifest {
  name: string
  version: string
  private?: boolean
  dependencies?: Record<string, string>
  publishConfig?: Record<string, unknown>
}

/** A copy of what a release is made of, with a history of one commit: the workspace's manifests, and its built packages. */
export class Checkout {
  readonly folder: string

  constructor(root: string, folder: string) {
    this.folder = folder
    mkdirSync(folder, { recursive: true })
    for (const file of ['package.json', 'pnpm-workspace.yaml', 'pnpm-lock.yaml', '.changeset']) cpSync(join(root, file), join(folder, file), { recursive: true })
    for (const name of readdirSync(join(root, 'packages'))) {
      cpSync(join(root, 'packages', name), join(folder, 'packages', name), {
        recursive: true,
        filter: (path) => !['node_modules', 'test', '.turbo', 'campaigns', 'cpython-catalogue'].includes(basename(path)),
      })
    }
    for (const name of this.published()) {
      // A public host signs where it was built; here nobody can.
      const manifest = this.manifest(name)
      delete manifest.publishConfig?.['provenance']
      writeFileSync(this.manifestPath(name), JSON.stringify(manifest, null, 2))
    }
    this.git('init', '--quiet', '--initial-branch=main')
    this.commit('before the release')
  }

  manifest(name: string): Manifest {
    return JSON.parse(readFileSync(this.manifestPath(name), 'utf8'))
  }

  published(): string[] {
    return readdirSync(join(this.folder, 'packages')).filter((name) => !this.manifest(name).private)
  }

  versions(): Record<string, string> {
    return Object.fromEntries(this.published().map((name) => [name, this.manifest(name).version]))
  }

  commit(message: string): void {
    this.git('add', '--all')
    this.git('-c', 'user.name=release', '-c', 'user.email=release@localhost', 'commit', '--quiet', '--message', message)
  }

  changeset(id: string, packages: Record<string, 'patch' | 'minor' | 'major'>, text: string): void {
    const head = Object.entries(packages).map(([name, bump]) => `'${name}': ${bump}`)
    writeFileSync(join(this.folder, '.changeset', `${id}.md`), `---\n${head.join('\n')}\n---\n\n${text}\n`)
  }

  private manifestPath(name: string): string {
    return join(this.folder, 'packages', name, 'package.json')
  }

  private git(...args: string[]): void {
    execFileSync('git', args, { cwd: this.folder, stdio: 'pipe' })
  }
}
