import { runProgram } from '@multiproc/testing'
import { expect, it } from 'vitest'

const run = (name: string, env = {}) =>
  runProgram(new URL(`../../fixtures/family/${name}.ts`, import.meta.url), { env, execArgv: ['--conditions=@multiproc/source'] })

it('does not load koffi on import, nor when a family is joined, before the first use', async () => {
  expect(await run('import-only')).toMatchObject({ stdout: 'koffi is not loaded\n', exitCode: 0 })
})

it('throws ERR_MULTIPROC_UNSUPPORTED with the reason at the first use when koffi cannot be loaded', async () => {
  expect((await run('no-koffi')).stdout).toMatch(/^ERR_MULTIPROC_UNSUPPORTED .*no binary for this machine/)
})

it('names the backends there are when MULTIPROC_BACKEND names another one', async () => {
  expect((await run('no-koffi', { MULTIPROC_BACKEND: 'fast' })).stdout).toMatch(/^ERR_MULTIPROC_UNSUPPORTED .*fast.*linux and portable/)
})

it('makes one member of two copies with one layout, and refuses a copy with another layout, naming both', async () => {
  const { stdout } = await run('two-copies')
  expect(stdout).toContain('one member')
  expect(stdout).toMatch(/ERR_MULTIPROC_LAYOUT .*elsewhere.*layout 7.*layout 1/)
})
