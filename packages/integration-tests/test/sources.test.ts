import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { runProgram, type ProgramOptions } from '@multiproc/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'

const folder = fileURLToPath(new URL('./fixtures/sources/', import.meta.url))
// The bundlers that this workspace builds itself with.
const fromRoot = createRequire(new URL('../../../package.json', import.meta.url))
const fromTsup = createRequire(fromRoot.resolve('tsup'))
interface BuildOptions {
  readonly [option: string]: unknown
}
const esbuild = fromTsup('esbuild') as { build(options: BuildOptions): Promise<unknown>; stop(): Promise<void> }
const external = ['multiproc', '@multiproc/*']

/** Where `multiproc` is found by what is bundled. */
let built = ''
beforeAll(() => {
  const cache = fileURLToPath(new URL('../node_modules/.cache/', import.meta.url))
  mkdirSync(cache, { recursive: true })
  built = mkdtempSync(join(cache, 'sources-'))
})
afterAll(async () => {
  await esbuild.stop()
  rmSync(built, { recursive: true, force: true })
})

async function outcome(file: string, options: ProgramOptions = {}): Promise<{ here: unknown; there: unknown; stderr: string }> {
  const { stdout, stderr, exitCode } = await runProgram(file, options)
  expect({ exitCode, stdout: stdout === '' ? stderr : '' }).toEqual({ exitCode: 0, stdout: '' })
  return { ...(JSON.parse(stdout) as { here: unknown; there: unknown }), stderr }
}

async function travels(file: string, options?: ProgramOptions): Promise<void> {
  const { here, there } = await outcome(file, options)
  expect(there).toEqual(here)
}

const bundle = async (name: string, options: BuildOptions, from = 'program.mjs'): Promise<string> => {
  const outfile = join(built, `${name}.mjs`)
  await esbuild.build({ entryPoints: [join(folder, from)], bundle: true, platform: 'node', format: 'esm', target: 'node20', external, outfile, logLevel: 'silent', ...options })
  return outfile
}

it('sends functions of a plain module', () => travels(join(folder, 'program.mjs')))

it.each<[string, BuildOptions]>([
  ['plain', {}],
  ['minified', { minify: true }],
  ['minified with names kept, as tsx compiles', { minify: true, keepNames: true }],
])('sends functions of an esbuild bundle: %s', async (name, options) => travels(await bundle(`esbuild-${name.replaceAll(/\W+/g, '-')}`, options)))

it('sends functions of an esbuild bundle with chunks, which are modules', async () => {
  await esbuild.build({ entryPoints: [join(folder, 'program.mjs'), join(folder, 'library.mjs')], bundle: true, splitting: true, minify: true, platform: 'node', format: 'esm', external, outdir: join(built, 'chunks'), outExtension: { '.js': '.mjs' }, logLevel: 'silent' })
  await travels(join(built, 'chunks', 'program.mjs'))
})

it('sends functions of a rollup bundle', async () => {
  const { rollup } = fromTsup('rollup') as { rollup(options: object): Promise<{ write(options: object): Promise<unknown>; close(): Promise<void> }> }
  const made = await rollup({ input: join(folder, 'program.mjs'), external: [/^node:/, /^@?multiproc/], onLog: () => {} })
  await made.write({ file: join(built, 'rollup.mjs'), format: 'es' })
  await made.close()
  await travels(join(built, 'rollup.mjs'))
})

it('sends functions of a tsup bundle', async () => {
  const { build } = (await import(pathToFileURL(fromRoot.resolve('tsup')).href)) as typeof import('tsup')
  await build({ entry: [join(folder, 'program.mjs')], format: 'esm', target: 'node20', outDir: join(built, 'tsup'), external: ['multiproc', /^@multiproc/], config: false, silent: true, minify: true, clean: false, outExtension: () => ({ js: '.mjs' }) })
  const [file] = readdirSync(join(built, 'tsup')).filter((name) => name.endsWith('.mjs'))
  await travels(join(built, 'tsup', file as string))
})

it.each([true, false])('sends classes with decorators as a compiler lowers them (experimental: %s)', async (experimentalDecorators) => {
  const file = await bundle(`decorators-${experimentalDecorators}`, { tsconfigRaw: { compilerOptions: { experimentalDecorators } } }, 'decorators.ts')
  const { here, there } = await outcome(file)
  expect(here).toMatch(/^logged hello/)
  expect(there).toBe(here)
})

it('sends functions from a worker thread', () => travels(join(folder, 'in-worker.mjs')))

it('sends functions while an inspector port is open', () => travels(join(folder, 'program.mjs'), { execArgv: ['--inspect=0'] }))

it('sends functions while coverage is taken, and the coverage is written', async () => {
  const coverage = mkdtempSync(join(tmpdir(), 'coverage-'))
  await travels(join(folder, 'program.mjs'), { env: { NODE_V8_COVERAGE: coverage } })
  const reports = readdirSync(coverage).map((name) => readFileSync(join(coverage, name), 'utf8'))
  expect(reports.some((report) => report.includes('program.mjs'))).toBe(true)
  rmSync(coverage, { recursive: true })
})

it('does not disturb an inspector session of the user', async () => {
  const { stdout, stderr } = await runProgram(join(folder, 'own-session.mjs'))
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual({ there: 2, sum: 2, before: [], after: ['stop'] })
})

it('sends functions typed into the REPL', async () => {
  const lines = ["const { Process } = require('multiproc')", 'const limit = 3', 'function twice(n) { return n * 2 }', 'class Box { get() { return twice(limit) } }', 'const run = () => console.log(`there ${new Box().get()} ${limit}`)', 'const child = new Process({ target: run })', 'child.start()', 'child.joinSync()', '']
  const { stdout } = await runProgram('-i', { input: lines.join('\n'), cwd: folder })
  expect(stdout).toContain('there 6 3')
})

it('sends functions of a large module as it sends those of a small one', async () => {
  const file = join(built, 'large.mjs')
  const filler = Array.from({ length: 400 }, (_, i) => `export function filler${i}(a) {\n  const limit = a + ${i}\n  let calls = limit\n  calls++\n  return { limit, calls, text: \`\${limit}\`, pattern: /[{}/]/ }\n}`).join('\n')
  const source = readFileSync(join(folder, 'program.mjs'), 'utf8').replace("'./library.mjs'", JSON.stringify(pathToFileURL(join(folder, 'library.mjs')).href))
  const [imports, rest] = source.split('\nconst limit')
  writeFileSync(file, `${imports}\n${filler}\nconst limit${rest}`)
  await travels(file)
})
