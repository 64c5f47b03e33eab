import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runProgram } from '@multiproc/testing'

/**
 * What users install: the packed tarballs, in an empty project outside the workspace. The workspace's copies of the few
 * npm dependencies are linked in, so that this needs no network.
 */
const packages = fileURLToPath(new URL('../../', import.meta.url))
const NODES = { '20.19': fileURLToPath(new URL('../node_modules/node-20/bin/node', import.meta.url)), '24': process.execPath }

const examples = new URL('../../../examples/', import.meta.url)
/** Their output is checked in examples.test.ts; here it is enough that they end well. The CPU-bound one would only take long. */
const EXAMPLES = readdirSync(examples).flatMap((name) => /^(0[1-6]-.*)\.ts$/.exec(name)?.[1] ?? [])

const project = realpathSync(mkdtempSync(join(tmpdir(), 'packed-')))

beforeAll(() => {
  const tarballs: Record<string, string> = {}
  const others: Record<string, string> = {}
  for (const folder of readdirSync(packages)) {
    const { name, private: unpublished, dependencies = {} } = manifest(folder)
    if (unpublished) continue
    const packed = JSON.parse(execFileSync('pnpm', ['pack', '--json', '--pack-destination', project], { cwd: join(packages, folder), encoding: 'utf8' }))
    tarballs[name] = `file:${packed.filename}`
    for (const [other, version] of Object.entries(dependencies)) {
      if (!version.startsWith('workspace:')) others[other] = `file:${realpathSync(join(packages, folder, 'node_modules', other))}`
    }
  }
  const { multiproc, ...parts } = tarballs
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, dependencies: { multiproc }, overrides: { ...parts, ...others } }))
  execFileSync('npm', ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: project, stdio: 'pipe' })
  for (const example of EXAMPLES) {
    writeFileSync(join(project, `${example}.mjs`), stripTypeScriptTypes(readFileSync(new URL(`${example}.ts`, examples), 'utf8')))
  }
  for (const program of ['program.mjs', 'program.cjs']) copyFileSync(new URL(`packed/${program}`, import.meta.url), join(project, program))
}, 120_000)

afterAll(() => rmSync(project, { recursive: true, force: true }))

describe.each(Object.entries(NODES))('the packed packages under Node %s', { timeout: 120_000 }, (version, node) => {
  it('are loaded by that Node', () => {
    expect(execFileSync(node, ['--version'], { encoding: 'utf8' })).toMatch(new RegExp(`^v${version}`))
  })

  it('run every primitive from an ES module', async () => {
    const outcome = await runProgram(join(project, 'program.mjs'), { node, cwd: project })
    expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0, stderr: '' })
    expect(outcome.stdout.trimEnd().split('\n')).toEqual([
      'queue: hello from a child',
      'pipe: same Node',
      'joined: true 0',
      'pool: 1 4 9 16',
      'manager: 1',
    ])
  })

  it.each(EXAMPLES)('run the example %s', async (example) => {
    const outcome = await runProgram(join(project, `${example}.mjs`), { node, cwd: project, timeoutMs: 110_000 })
    expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0, signal: null })
  })

  it('can be required from CommonJS', async () => {
    const outcome = await runProgram(join(project, 'program.cjs'), { node, cwd: project })
    expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 })
    expect(outcome.stdout).toBe('require in the child: function\njoined: true 0\n')
  })
})

interface Manifest {
  name: string
  private?: boolean
  dependencies?: Record<string, string>
}

function manifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(packages, folder, 'package.json'), 'utf8'))
}
