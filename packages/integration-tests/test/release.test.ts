import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runProgram, startProgram, type Program } from '@multiproc/testing'
import { Checkout } from './release/checkout.ts'

/**
 * A release from beginning to end, in a copy of the workspace and into a registry of this machine; then what users do:
 * install one package, or the umbrella, with each package manager, and run a program of it.
 */
const root = fileURLToPath(new URL('../../../', import.meta.url))
const programs = fileURLToPath(new URL('release/programs/', import.meta.url))
const place = realpathSync(mkdtempSync(join(tmpdir(), 'release-')))
const require = createRequire(import.meta.url)
let registry: Program
let address: string
let checkout: Checkout
/** Nothing of the user's own configuration, caches or credentials: a fresh machine. */
const environment = (): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: place,
  CI: 'true',
  COREPACK_ENABLE_STRICT: '0',
  npm_config_registry: address,
  npm_config_cache: join(place, 'npm-cache'),
  npm_config_fund: 'false',
  npm_config_audit: 'false',
  npm_config_update_notifier: 'false',
  YARN_NPM_REGISTRY_SERVER: address.slice(0, -1),
  YARN_UNSAFE_HTTP_WHITELIST: '127.0.0.1',
  YARN_NODE_LINKER: 'node-modules',
  YARN_ENABLE_TELEMETRY: '0',
  // What was published a moment ago is too young for it.
  YARN_NPM_MINIMAL_AGE_GATE: '0',
  YARN_ENABLE_IMMUTABLE_INSTALLS: '0',
  YARN_GLOBAL_FOLDER: join(place, 'yarn'),
})

beforeAll(async () => {
  checkout = new Checkout(root, join(place, 'checkout'))
  const config = join(place, 'verdaccio.yaml')
  const open = `{ access: $all, publish: $all }`
  writeFileSync(config, `storage: ${join(place, 'storage')}\nuplinks: {}\npackages: { '@*/*': ${open}, '**': ${open} }\nmax_body_size: 200mb\nlog: { type: stdout, level: warn }\n`)
  registry = startProgram(fileURLToPath(new URL('release/registry.mjs', import.meta.url)), { args: [config], timeoutMs: 600_000 })
  address = (await registry.printed(/at (\S+)\n/))[1]!
  writeFileSync(join(place, '.npmrc'), `registry=${address}\n${address.replace('http:', '')}:_authToken=anybody\n`)
  for (const [index, folder] of theirs().entries()) {
    // Of a folder below node_modules, npm publishes nothing.
    const copy = join(place, `theirs-${index}`)
    cpSync(folder, copy, { recursive: true })
    // Its builds for other machines are not installed here, and yarn asks for each of them.
    const manifest = JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8'))
    manifest.optionalDependencies &&= pick(manifest.optionalDependencies, /linux-x64$/)
    writeFileSync(join(copy, 'package.json'), JSON.stringify(manifest))
    run('npm', ['publish', '--ignore-scripts', copy], place)
  }
}, 120_000)

afterAll(async () => {
  registry.kill('SIGTERM')
  await registry.ended
  rmSync(place, { recursive: true, force: true })
})

describe('a release', { timeout: 300_000 }, () => {
  it('gives each package a version of its own, and bumps only what a change is for', () => {
    run('changeset', ['version'], checkout.folder)
    checkout.commit('first release')
    const first = checkout.versions()
    checkout.changeset('try', { '@multiproc/lock': 'patch' }, 'A try.')
    run('changeset', ['version'], checkout.folder)
    checkout.commit('second release')
    const { lock, ...others } = checkout.versions()
    const { lock: before, ...othersBefore } = first
    expect(lock).not.toBe(before)
    expect(others).toEqual(othersBefore)
    expect(existsSync(join(checkout.folder, 'packages/lock/CHANGELOG.md'))).toBe(true)
  })

  it('publishes them all, with the ranges of the workspace made real', () => {
    run('changeset', ['publish', '--no-git-tag'], checkout.folder)
    for (const name of checkout.published()) {
      const { name: full, version } = checkout.manifest(name)
      const published = JSON.parse(run('npm', ['view', full, '--json'], place))
      expect(published).toMatchObject({ name: full, version, license: 'MIT' })
      expect(JSON.stringify(published.dependencies ?? {})).not.toContain('workspace:')
    }
  })
})

const managers: Record<string, (folder: string, packages: string[]) => void> = {
  npm: (folder, packages) => void run('npm', ['install', ...packages], folder),
  pnpm: (folder, packages) => {
    // What our READMEs say: koffi is prebuilt, so its build script is not needed, and pnpm asks about each script.
    writeFileSync(join(folder, 'pnpm-workspace.yaml'), 'allowBuilds:\n  koffi: false\n')
    run('pnpm', ['add', '--store-dir', join(place, 'pnpm-store'), ...packages], folder)
  },
  yarn: (folder, packages) => {
    writeFileSync(join(folder, 'yarn.lock'), '')
    run(process.execPath, [require.resolve('@yarnpkg/cli-dist/bin/yarn.js'), 'add', ...packages], folder)
  },
}

const PROGRAMS = readdirSync(programs)

describe.each(Object.entries(managers))('installed with %s', { timeout: 300_000 }, (manager, install) => {
  // The package managers differ in where they put things, which does not depend on the package.
  it.each(manager === 'npm' ? PROGRAMS : PROGRAMS.filter((file) => /^(multiproc\.mjs|pool\.cjs)$/.test(file)))('the program %s runs', async (file) => {
    const folder = join(place, `${manager}-${file}`)
    mkdirSync(folder)
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, name: 'fresh' }))
    install(folder, packagesOf(file))
    copyFileSync(join(programs, file), join(folder, file))
    const outcome = await runProgram(join(folder, file), { cwd: folder })
    expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0, stderr: '', stdout: 'ok\n' })
  })
})

/** `lock+process.mjs` needs @multiproc/lock and @multiproc/process, `multiproc.cjs` the umbrella. */
function packagesOf(file: string): string[] {
  const names = file.replace(/\.[cm]js$/, '').split('+')
  return names.map((name) => (name === 'multiproc' ? name : `@multiproc/${name}`))
}

/** The installed folders of the few packages of others that ours need. */
function theirs(): string[] {
  const folders = new Set<string>()
  const store = join(root, 'node_modules', '.pnpm')
  for (const entry of readdirSync(store)) {
    if (/^(koffi|acorn|@koromix\+koffi-linux-x64)@/.test(entry)) {
      const name = entry.slice(0, entry.lastIndexOf('@')).replace('+', '/')
      folders.add(realpathSync(join(store, entry, 'node_modules', name)))
    }
  }
  return [...folders]
}

function pick(dependencies: Record<string, string>, wanted: RegExp): Record<string, string> {
  return Object.fromEntries(Object.entries(dependencies).filter(([name]) => wanted.test(name)))
}

function run(command: string, args: string[], cwd: string): string {
  try {
    return execFileSync(command, args, { cwd, env: environment(), encoding: 'utf8', stdio: 'pipe', timeout: 240_000 })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`)
  }
}
