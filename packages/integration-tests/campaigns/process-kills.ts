/**
 * Processes of every kind that are killed at random moments of their life: children by their parent, and whole parents
 * (`process-kills.parent.ts`), each with daemons, plain children, threads and spares below them. Then:
 * - every join ends, and the exit code is the signal's, or that of a child that was faster: with its whole result;
 * - no zombie is left, and no daemon, spare or thread lives on once its parent was killed;
 * - a lock held and a queue used by the dead are free for the next;
 * - the campaign's own process has as many descriptors at its end as after its first rounds.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Lock, Process, ProcessExitError, Queue, setStartMethod, type StartMethod } from 'multiproc'
import { campaign, type Campaign } from './report.ts'

const METHODS: readonly StartMethod[] = ['spawn', 'prefork', 'thread']
const CHILDREN = 6
const RESULT_BYTES = 100_000
/** Rounds after which all that is opened once is open. */
const WARM_UP = 6
const PARENT = fileURLToPath(new URL('process-kills.parent.ts', import.meta.url))

/** What a child does: some work under the lock, some through the queue, then a result that is larger than a page. */
async function work(lock: Lock, queue: Queue<number>, turns: number, bytes: number): Promise<Uint8Array> {
  process.on('warning', () => {}) // abandoned locks warn
  for (let turn = 0; turn < turns; turn++) {
    if (turn % 2 === 0) lock.runExclusiveSync(() => {})
    else {
      queue.put(turn)
      await queue.get()
    }
  }
  return new Uint8Array(bytes).fill(7)
}

const descriptors = (): number => readdirSync('/proc/self/fd').length

async function killChildren(run: Campaign, number: number): Promise<void> {
  const method = METHODS[number % METHODS.length]!
  const lock = new Lock()
  const queue = new Queue<number>()
  const fail = (text: string): void => run.violation(`round ${number}, ${method}: ${text}`)
  const children = Array.from({ length: CHILDREN }, (_, place) => new Process({ target: work, args: [lock, queue, run.integer(0, 400), RESULT_BYTES], method, daemon: place % 2 === 0, stdio: 'inherit' }).start())
  const whole = run.integer(0, 250)
  for (const child of children) {
    if (run.random() < 0.1) continue
    await sleep(run.integer(0, whole) / 3)
    const how = run.random()
    if (how < 0.7) child.kill()
    else child.terminate()
    run.killed()
    if (run.random() < 0.2) child.joinSync()
  }
  for (const child of children) {
    if (!(await run.mustCome(`the end of ${child.name}`, child.join()))) fail('join() gave false')
    const code = child.exitCode
    if (child.isAlive() || (code !== 0 && code !== -9 && code !== -15)) fail(`${child.name} ended with ${code}`)
    try {
      const result = await child.result()
      if (result.length !== RESULT_BYTES || !result.every((byte) => byte === 7)) fail(`${child.name} gave a result of ${result.length} bytes`)
      run.count('results')
    } catch (error) {
      if (!(error instanceof ProcessExitError)) throw error
      if (code === 0) fail(`${child.name} ended with 0 and gave ${error.message}`)
      run.count('ended')
    }
    child.close()
  }
  if (!(await run.mustCome('the lock', lock.acquire({ timeout: 30_000 })))) fail('the lock is held by nobody')
  lock.release()
  lock.close()
  queue.close()
}

/** Kills a parent with all kinds of children, at a random moment after it began to start them. */
async function killParent(run: Campaign): Promise<void> {
  const parent = spawn(process.execPath, [...process.execArgv, PARENT], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(parent, 'exit')
  const daemons: number[] = []
  const lines = createInterface(parent.stdout!)
  lines.on('line', (line) => daemons.push(Number(line)))
  await run.mustCome('the first child of a parent', once(lines, 'line'))
  await sleep(run.integer(0, 300))
  parent.kill(run.random() < 0.8 ? 'SIGKILL' : 'SIGTERM')
  run.killed()
  await run.mustCome('the end of a parent', ended)
  await run.mustCome('the end of its daemons', gone(daemons))
  run.count('parents')
}

async function gone(pids: readonly number[]): Promise<void> {
  while (pids.some((pid) => stateOf(pid) !== '')) await sleep(5)
}

/** `R`, `S`, `Z` …; '' if there is no such process, or an orphan that only init has not reaped yet. */
function stateOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (state === 'Z' || state === 'X') && Number(parent) !== process.pid ? '' : state
  } catch {
    return ''
  }
}

function zombies(): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return state === 'Z' && Number(parent) === process.pid
    } catch {
      return false
    }
  })
}

process.on('warning', () => {})
await campaign({ kills: 2000, seconds: 2400 }, async (run) => {
  let before = 0
  for (let number = 0; !run.isOver; number++) {
    await killChildren(run, number)
    if (number % 4 === 0) await killParent(run)
    if (number === WARM_UP) before = descriptors()
    run.count('rounds')
  }
  setStartMethod('spawn', { force: true }) // no spares from here on
  await sleep(1500) // watches of deaths stay open for a second
  if (zombies().length > 0) run.violation(`zombies: ${zombies().join()}`)
  if (before > 0 && descriptors() > before + 8) run.violation(`${before} descriptors after ${WARM_UP} rounds, ${descriptors()} at the end`)
})
