import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { facts, runProgram } from './run.ts'

/** A folder of the test's own, with these files. */
function folderWith(files: Record<string, string>): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'surroundings-')))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

const start = (execArgv: string[], settings = {}, rest = {}) => facts('surroundings.mjs', { execArgv: ['--no-warnings', ...execArgv], args: [JSON.stringify(settings)], ...rest })
/** A target that a module exports, which imports a package. */
const program = {
  'target.mjs': `import conditional from 'conditional'; export const target = () => [conditional, globalThis.hooked ?? null]`,
  'program.mjs': `import { Process } from ${JSON.stringify(import.meta.resolve('@multiproc/process'))}; import { target } from './target.mjs'; console.log(JSON.stringify(await new Process({ target }).start().result()))`,
}
const byReference = async (folder: string, execArgv: string[]) => JSON.parse((await runProgram(pathToFileURL(join(folder, 'program.mjs')), { execArgv })).stdout)
const old = process.env.MULTIPROC_TEST_NODE !== undefined

/** One for each row of the table in docs/guide/processes.md that can run here. */
describe('a child started by a program with', () => {
  it('--env-file finds its variables, in any folder', async () => {
    const folder = folderWith({ '.env': 'FROM_FILE=yes' })
    expect(await start(['--env-file=.env'], { cwd: '/' }, { cwd: folder })).toMatchObject({ value: 'yes' })
    expect(await start(['--env-file=.env'], { env: {} }, { cwd: folder })).toMatchObject({ value: null })
  })

  it('--import and loader hooks has them too', async () => {
    const folder = folderWith({
      ...program,
      'hooks.mjs': `export async function resolve(name, context, next) { return name === 'conditional' ? { url: 'data:text/javascript,export default "by a hook"', shortCircuit: true } : next(name, context) }`,
      'register.mjs': `import { register } from 'node:module'; register('./hooks.mjs', import.meta.url); globalThis.hooked = true`,
    })
    expect(await byReference(folder, ['--import', pathToFileURL(join(folder, 'register.mjs')).href])).toEqual(['by a hook', true])
  })

  it('--conditions resolves with them', async () => {
    const folder = folderWith({
      ...program,
      'node_modules/conditional/package.json': JSON.stringify({ exports: { '.': { special: './special.mjs', default: './default.mjs' } } }),
      'node_modules/conditional/special.mjs': `export default 'special'`,
      'node_modules/conditional/default.mjs': `export default 'default'`,
    })
    expect(await byReference(folder, ['--conditions=special'])).toEqual(['special', null])
  })

  it.skipIf(old)('the permission model runs where processes, addons and the inspector are allowed, and is refused by a code where not', async () => {
    const permission = ['--permission', '--allow-fs-read=*', '--allow-inspector']
    if (spawnSync(process.execPath, [...permission, '-e', '0']).status !== 0) return // a Node that has no --allow-inspector
    expect(await start(permission)).toMatchObject({ code: 'ERR_MULTIPROC_UNSUPPORTED' })
    expect(await start([...permission, '--allow-addons'])).toMatchObject({ code: 'ERR_MULTIPROC_SPAWN', cause: 'ERR_ACCESS_DENIED', message: expect.stringContaining('permission model') })
    expect(await start([...permission, '--allow-addons', '--allow-child-process'])).toMatchObject({ value: null, hooked: null })
  })

  it('--snapshot-blob runs its target, not what the snapshot holds', async () => {
    const folder = folderWith({ 'entry.cjs': 'globalThis.hooked = "snapshot"' })
    const blob = join(folder, 'app.blob')
    const node = process.env.MULTIPROC_TEST_NODE ?? process.execPath
    expect(spawnSync(node, ['--snapshot-blob', blob, '--build-snapshot', join(folder, 'entry.cjs')]).status).toBe(0)
    expect(await start(['--snapshot-blob', blob])).toMatchObject({ hooked: null, value: null })
  })

  it('options that Node does not know is refused with its words', async () => {
    const { code, name } = await start([], { execArgv: ['--no-such-option'] })
    expect({ code, name }).toEqual({ code: 'ERR_MULTIPROC_PROCESS_EXIT', name: 'ProcessExitError' })
  })
})
