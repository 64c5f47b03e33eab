import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProgram, type Program } from '@multiproc/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const cli = new URL('../../dist/cli/main.js', import.meta.url)
const start = (...args: string[]): Program => startProgram(cli, { args, timeoutMs: 50_000 })
const run = (...args: string[]) => start(...args).ended

/** Its command lives on, with the same stdout: it has to be ended, too. */
async function killed(holder: Program, command: number): Promise<void> {
  holder.kill()
  process.kill(command, 'SIGKILL')
  await holder.ended
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cli-'))
  process.env.MULTIPROC_NAMES = join(folder, 'names')
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
  delete process.env.MULTIPROC_NAMES
})

describe('multiproc lock', () => {
  it('ends with the exit code of the command, or 128 and its signal, and leaves no file', async () => {
    expect(await run('lock', 'job', '--', 'sh', '-c', 'echo done; exit 7')).toMatchObject({ stdout: 'done\n', exitCode: 7 })
    expect((await run('lock', 'job', '--', 'sh', '-c', 'kill -9 $$')).exitCode).toBe(137)
    expect(existsSync(join(folder, 'names'))).toBe(false)
  })

  it('runs one command at a time', async () => {
    const log = join(folder, 'log')
    const command = `echo begin >> ${log}; sleep 0.1; echo end >> ${log}`
    const ends = await Promise.all([0, 1, 2].map(() => run('lock', 'job', '--', 'sh', '-c', command)))
    expect(ends.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0])
    expect(readFileSync(log, 'utf8')).toBe('begin\nend\n'.repeat(3))
  })

  it('gives up after the timeout, with 75 or the exit code asked for', async () => {
    const holder = start('lock', 'job', '--', 'sh', '-c', 'echo held; exec sleep 60')
    await holder.printed('held')
    expect(await run('lock', 'job', '--timeout', '0', '--', 'echo', 'never')).toMatchObject({ stdout: '', exitCode: 75 })
    expect(await run('lock', 'job', '--timeout', '50', '--exit-code', '3', '--', 'echo', 'never')).toMatchObject({ stdout: '', exitCode: 3 })
    holder.kill('SIGTERM')
    expect((await holder.ended).exitCode).toBe(143)
  })

  it('tells the next command that its holder was killed', async () => {
    const holder = start('lock', 'job', '--', 'sh', '-c', 'echo $$ held; exec sleep 60')
    const [, pid] = await holder.printed(/(\d+) held/)
    await killed(holder, Number(pid))
    expect(readdirSync(join(folder, 'names'))).toEqual(['job'])
    const command = ['sh', '-c', 'echo abandoned: $MULTIPROC_ABANDONED']
    expect((await run('lock', 'job', '--', ...command)).stdout).toBe('abandoned: 1\n')
    expect((await run('lock', 'job', '--', ...command)).stdout).toBe('abandoned:\n')
  })

  it('hands on the signals it gets', async () => {
    const program = start('lock', 'job', '--', 'sh', '-c', 'trap "echo told; exit 5" USR2; echo ready; while true; do sleep 0.02; done')
    await program.printed('ready')
    program.kill('SIGUSR2')
    expect(await program.ended).toMatchObject({ stdout: 'ready\ntold\n', exitCode: 5 })
  })

  it('says what is wrong with a command line, or a command', async () => {
    for (const args of [['lock', 'job'], ['lock', '--', 'true'], ['lock', 'a', 'b', '--', 'true'], ['lock', 'job', '--timeout', '-1', '--', 'true'], ['lock', 'job', '--what', '--', 'true'], ['nothing'], []]) {
      const { exitCode, stdout, stderr } = await run(...args)
      expect(exitCode, args.join(' ')).toBe(2)
      expect(stdout + stderr).toContain('Usage:')
    }
    expect((await run('lock', 'job', '--', '/no/such/command')).exitCode).toBe(127)
    writeFileSync(join(folder, 'plain'), '', { mode: 0o600 })
    expect((await run('lock', 'job', '--', join(folder, 'plain'))).exitCode).toBe(126)
    expect(await run('lock', '../job', '--', 'true')).toMatchObject({ exitCode: 70, stderr: expect.stringContaining('must be 1 to 100') })
  })
})

describe('multiproc doctor', () => {
  it('shows who uses and holds what, and sweeps what the killed have left', async () => {
    const holder = start('lock', 'job', '--', 'sh', '-c', 'echo $$ held; exec sleep 60')
    const [, pid] = await holder.printed(/(\d+) held/)
    const report = JSON.parse((await run('doctor', '--json')).stdout)
    expect(report.names).toEqual([{ name: 'job', kind: 'Lock', isUsed: true, users: [holder.pid], holder: holder.pid }])
    expect((await run('doctor')).stdout).toMatch(/job +Lock +used by \d+, held by \d+/)
    await killed(holder, Number(pid))
    expect((await run('doctor')).stdout).toMatch(/job +Lock +left by a program that was killed/)
    expect((await run('doctor', '--sweep')).stdout).toContain('Removed: job')
    expect(existsSync(join(folder, 'names'))).toBe(false)
  })
})
