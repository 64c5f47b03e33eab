/**
 * Brings a fresh clone to the point where everything else runs: pinned pnpm and Node 24 through npm, frozen lockfile.
 * Plain JavaScript without imports from outside Node, because it runs before anything is installed, on any Node >= 20.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
const modules = join(root, 'node_modules')
/** Written last: it says for which lockfile and manifests node_modules is complete. */
const stamp = join(modules, '.multiproc-setup')

/** The environment of every program started from here: the workspace's Node and tools first. */
export const environment = workspaceEnvironment()

/** Installs what the lockfile says, unless that was done before; then nothing here touches the network. */
export async function setUp() {
  const wanted = fingerprint()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  section('Setting up (only the first time, and when dependencies change)')
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const arguments_ = ['install', '--frozen-lockfile', '--reporter=append-only']
  const installed = join(modules, '.bin', process.platform === 'win32' ? 'pnpm.cmd' : 'pnpm')
  if (existsSync(installed)) await run(installed, arguments_)
  else await run('npm', ['exec', '--yes', '--', packageManager, ...arguments_])
  writeFileSync(stamp, wanted)
}

/** Runs a program with inherited stdio, in the workspace; fails with its name when it fails. */
export async function run(command, args, { env = environment } = {}) {
  const code = await exitCode(command, args, { env })
  if (code !== 0) throw new Failure(`${[command, ...args].join(' ')} ended with ${code}`)
}

/**
 * Runs a program with inherited stdio; after `timeoutMs` it is killed, with everything it started, and counts as failed.
 * For that it gets a process group of its own, so what the terminal would have told it is passed on.
 */
export function exitCode(command, args, { env = environment, cwd = root, timeoutMs } = {}) {
  return new Promise((resolve) => {
    const grouped = timeoutMs !== undefined && process.platform !== 'win32'
    const child = spawn(command, args, { cwd, env, stdio: 'inherit', detached: grouped, shell: process.platform === 'win32' })
    const kill = (signal) => {
      try {
        process.kill(grouped ? -child.pid : child.pid, signal)
      } catch {
        // It has ended meanwhile.
      }
    }
    const timer = timeoutMs && setTimeout(() => {
      console.error(`killed: it did not end within ${timeoutMs / 1000} s`)
      kill('SIGKILL')
    }, timeoutMs)
    const forwarded = grouped ? ['SIGINT', 'SIGTERM', 'SIGHUP'] : []
    for (const signal of forwarded) process.on(signal, kill)
    const end = (code) => {
      clearTimeout(timer)
      for (const signal of forwarded) process.off(signal, kill)
      resolve(code)
    }
    child.on('error', (error) => {
      console.error(error.message)
      end(127)
    })
    child.on('exit', (code, signal) => end(code ?? signal))
  })
}

/** An expected end: reported in one line, without a stack. */
export class Failure extends Error {}

export function section(title) {
  console.log(`\n\u2500\u2500 ${title} ${'\u2500'.repeat(Math.max(4, 76 - title.length))}`)
}

function fingerprint() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`)
  const packages = readdirSync(join(root, 'packages')).map((name) => join('packages', name, 'package.json'))
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json', 'examples/package.json', ...packages.sort()]) {
    const path = join(root, file)
    if (existsSync(path)) hash.update(`\n${file}\n`).update(file.endsWith('.json') ? dependencies(path) : readFileSync(path))
  }
  return hash.digest('hex')
}

function dependencies(file) {
  const { packageManager, dependencies, devDependencies, optionalDependencies } = JSON.parse(readFileSync(file, 'utf8'))
  return JSON.stringify({ packageManager, dependencies, devDependencies, optionalDependencies })
}

function workspaceEnvironment() {
  const env = {}
  for (const [name, value] of Object.entries(process.env)) {
    // npm's own settings for this script; pnpm would take them for its own.
    if (!/^npm_/i.test(name)) env[name] = value
  }
  env.PATH = [join(modules, '.bin'), env.PATH ?? ''].join(delimiter)
  env.TURBO_TELEMETRY_DISABLED = '1'
  env.TURBO_NO_UPDATE_NOTIFIER = '1'
  env.NO_UPDATE_NOTIFIER = '1'
  env.npm_config_update_notifier = 'false'
  env.npm_config_fund = 'false'
  if (!writable(env.HOME)) {
    // A container without a home: npm and pnpm need some place for what they fetch.
    env.HOME = join(root, '.tmp', 'home')
    mkdirSync(env.HOME, { recursive: true })
  }
  return env
}

function writable(folder) {
  if (process.platform === 'win32') return true
  if (!folder) return false
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}
