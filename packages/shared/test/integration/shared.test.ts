import { runProgram } from '@multiproc/testing'
import { describe, expect, it } from 'vitest'

describe('objects shared by processes', () => {
  it.each([
    ['are exact under contested increments of all widths', 'increments', '40000,40000,20000,40000'],
    ['are guarded by the lock that travels with them', 'locked', '4000'],
    ['are captured by functions and travel as views', 'captured', '0,2.5,3.5,0,9,child,1'],
    ['travel through channels, and are unlinked while in use', 'queued', '7,1.5,2.5,ERR_MULTIPROC_NOT_FOUND'],
    ['stay when one of their users is killed', 'killed', '-9,5'],
    ['live as long as any view of them', 'collected', '2,2,2,2,2,true'],
    ['fault nobody who moved their memory away', 'moved', '7,0'],
    ['fault nobody who cloned their memory by moving it', 'cloned', '7,true'],
  ])('%s', async (_title, scenario, seen) => {
    const { stdout, stderr, exitCode, signal } = await runProgram(new URL('fixtures/shared.ts', import.meta.url), { args: [scenario], execArgv: ['--expose-gc'], timeoutMs: 50_000 })
    expect({ stdout: stdout.trim(), exitCode, signal }, stderr).toEqual({ stdout: seen, exitCode: 0, signal: null })
  })
})
