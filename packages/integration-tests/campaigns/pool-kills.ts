/**
 * A pool under load whose workers are killed at random moments, again and again. Then:
 * - every promise settles, and what came back is right, also results longer than a ring;
 * - a kill costs the one task that its worker ran, and no other: never more tasks are lost than workers were killed;
 * - a task without `retry` runs once at most, one with it is never lost while it has attempts left;
 * - nothing is left: no process, no file, and the pool still works.
 */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool, WorkerLostError } from 'multiproc'
import { campaign, type Campaign } from './report.ts'

const WORKERS = 3
const LONG = 100_000
/** Loads in progress at once. */
const LOADS = 6
const KILLS_IN_ROUND = 50

const tally: { lost: number } = { lost: 0 }
let lastId = 0

const echo = (id: number, text: string): [number, string] => [id, text]
const nap = async (id: number, ms: number): Promise<number> => {
  await new Promise((resolve) => setTimeout(resolve, ms))
  return id
}
const spin = (id: number, ms: number): number => {
  for (const endMs = performance.now() + ms; performance.now() < endMs; );
  return id
}
const write = (id: number, file: string): number => {
  appendFileSync(file, `${id}\n`)
  return id
}

/** Judges how a call ended: `right` tells about a value; a lost worker is an excuse. */
async function judge<R>(run: Campaign, what: string, work: PromiseLike<R>, right: (value: R) => boolean): Promise<void> {
  run.count('tasks')
  try {
    const value = await run.mustCome(what, work)
    if (!right(value)) run.violation(`${what} came back wrong: ${JSON.stringify(value).slice(0, 200)}`)
  } catch (error) {
    if (error instanceof WorkerLostError) tally.lost += 1
    else run.violation(`${what} failed with ${String((error as Error)?.stack ?? error)}`)
  }
}

function load(run: Campaign, pool: Pool, file: string): Promise<void>[] {
  const id = ++lastId
  switch (run.integer(0, 7)) {
    case 0:
      // A burst of tiny tasks: many lie in the workers' channels.
      return Array.from({ length: 200 }, (_, n) => judge(run, 'a tiny task', pool.apply(echo, [id, String(n)]), ([, text]) => text === String(n)))
    case 1:
      return [judge(run, 'a long value', pool.apply(echo, [id, 'x'.repeat(LONG)]), ([one, text]) => one === id && text.length === LONG)]
    case 2:
      return [judge(run, 'a waiting task', pool.apply(nap, [id, run.integer(0, 20)]), (one) => one === id)]
    case 3:
      return [judge(run, 'a busy task', pool.apply(spin, [id, run.integer(0, 10)]), (one) => one === id)]
    case 4: {
      const items = Array.from({ length: run.integer(1, 2000) }, (_, n) => n)
      return [judge(run, 'a map', pool.map((n: number) => n * 2, items), (all) => all.length === items.length && all.every((value, n) => value === 2 * n))]
    }
    case 5:
      return [judge(run, 'a stream', streamed(pool, run.integer(1, 60)), (isWhole) => isWhole)]
    case 6:
      // As many attempts as there will ever be kills.
      return Array.from({ length: 20 }, () => judge(run, 'a task with retry', pool.apply(nap, [id, 1], { retry: 10_000 }), (one) => one === id))
    default:
      return Array.from({ length: 20 }, () => {
        const own = ++lastId
        return judge(run, 'a task that may run once', pool.apply(write, [own, file]), (one) => one === own)
      })
  }
}

async function streamed(pool: Pool, size: number): Promise<boolean> {
  let next = 0
  for await (const value of pool.stream(function* (to: number) { for (let n = 0; n < to; n++) yield n }, [size], { bufferSize: 5 })) {
    if (value !== next++) return false
  }
  return next === size
}

async function round(run: Campaign, file: string): Promise<void> {
  const pool = new Pool({ processes: WORKERS })
  let killed = 0
  const lostBefore = tally.lost
  const work = async (): Promise<void> => {
    while (!run.isOver && killed < KILLS_IN_ROUND) await Promise.all(load(run, pool, file))
  }
  const works = Promise.all(Array.from({ length: LOADS }, work))
  while (!run.isOver && killed < KILLS_IN_ROUND) {
    await sleep(run.integer(0, 40))
    const workers = pool.stats().workers.filter(({ state }) => state === 'ready')
    // One is left to work: workers that all die before they did anything are a crash loop, at which a pool gives up.
    const victim = workers.length < 2 ? undefined : workers[run.integer(0, workers.length - 1)]
    if (victim?.pid === undefined) continue
    try {
      process.kill(victim.pid, 'SIGKILL')
    } catch {
      continue
    }
    killed += 1
    run.killed()
  }
  await run.mustCome('the last tasks', works)
  const lost = tally.lost - lostBefore
  if (lost > killed) run.violation(`${killed} kills cost ${lost} tasks`)
  if ((await run.mustCome('a task after all kills', pool.apply(echo, [0, 'alive'])))[1] !== 'alive') run.violation('the pool does not work any more')
  await run.mustCome('the end of the pool', pool.close())
  const { outstanding, waiting, workers } = pool.stats()
  if (outstanding + waiting + workers.length > 0) run.violation(`left in the pool: ${outstanding} outstanding, ${waiting} waiting, ${workers.length} workers`)
}

await campaign({ kills: 2000, seconds: 1200 }, async (run) => {
  const folder = mkdtempSync(join(tmpdir(), 'pool-kills-'))
  const file = join(folder, 'ran')
  appendFileSync(file, '')
  while (!run.isOver) await round(run, file)
  const ran = readFileSync(file, 'utf8').split('\n').filter(Boolean)
  if (new Set(ran).size !== ran.length) run.violation(`${ran.length - new Set(ran).size} tasks without retry ran twice`)
  run.count('costs', tally.lost)
  rmSync(folder, { recursive: true })
})
