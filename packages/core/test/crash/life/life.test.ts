import { runProgram } from '@multiproc/testing'
import { describe, expect, it, vi } from 'vitest'

// Each program starts up to a dozen processes, one after the other.
const WATCHDOG_MS = 110_000
vi.setConfig({ testTimeout: WATCHDOG_MS + 10_000 })

const programs: [string, string][] = [
  ['told-of-deaths', 'tells every waiter, blocked or not, that a process was killed'],
  ['first-told-dies', 'tells the others of a death when the first that was told dies too'],
  ['workers', 'takes the end of a thread for a death, and gets past sleeping threads'],
  ['bells', 'hears a doorbell whatever happens to its ringers'],
  ['slots', 'uses the slots of the dead again'],
  ['children', 'waits for children while blocked, and counts them'],
]

describe.each(process.platform === 'linux' ? ['linux', 'portable'] : ['portable'])('on the %s backend, a family', (backend) => {
  it.each(programs)('%s: it %s', async (name) => {
    const file = new URL(`../../fixtures/life/${name}.ts`, import.meta.url)
    const env = { MULTIPROC_BACKEND: backend }
    const outcome = await runProgram(file, { env, execArgv: ['--conditions=@multiproc/source'], timeoutMs: WATCHDOG_MS })
    expect(outcome, outcome.stdout + outcome.stderr).toMatchObject({ exitCode: 0, stderr: '' })
  })
})

it.runIf(process.platform === 'linux')('a family tells every waiter of a death on a kernel without futex_waitv', async () => {
  const file = new URL('../../fixtures/life/told-of-deaths.ts', import.meta.url)
  const env = { OLD_KERNEL: '1' }
  const outcome = await runProgram(file, { env, execArgv: ['--conditions=@multiproc/source'], timeoutMs: WATCHDOG_MS })
  expect(outcome, outcome.stdout + outcome.stderr).toMatchObject({ exitCode: 0, stderr: '' })
})

// Only root can become somebody else; and only Linux closes /proc to others then.
it.runIf(process.platform === 'linux' && process.geteuid?.() === 0)('a family rings and hears its members after the main process dropped its privileges', async () => {
  const file = new URL('../../fixtures/life/dropped-privileges.ts', import.meta.url)
  const outcome = await runProgram(file, { execArgv: ['--conditions=@multiproc/source'], timeoutMs: WATCHDOG_MS })
  expect(outcome, outcome.stdout + outcome.stderr).toMatchObject({ exitCode: 0, stderr: '' })
})
