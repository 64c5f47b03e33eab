/**
 * Holders and waiters of every primitive, processes of which random ones are killed at random moments, again and again, under
 * the same primitives. In each round some workers take and give, wait and notify, pass the barrier; random ones die. Then:
 * - exclusion: a counter that is read, and written back a moment later, under the lock, equals a second one that each worker
 *   adds to in one step; a death between the two is the only excuse for a difference of one, and the next holder is told of it;
 * - nobody hangs: those that live end soon after the last kill;
 * - permits return: when all have ended, the semaphore has as many as at its start, and never were more out than there are;
 * - nothing is left: locks are free, no file of a named one stays.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Barrier, BrokenBarrierError, Condition, Event, Lock, Process, RLock, Semaphore, SharedArray } from 'multiproc'
import { campaign, type Campaign } from './report.ts'

const WORKERS = 8
const PERMITS = 2

// Cells of the shared array.
const CAREFUL = 0 // read, then written under the lock
const ATOMIC = 1 // added to in one step, under the lock
const INSIDE = 2 // who is in there; not 0 without a death means two at once
const VIOLATIONS = 3
const TOLD = 4 // holders who were told that the one before had died
const OUT = 5 // owned permits that are out: each worker's cell from here on is 0 or 1
const STOCK = OUT + WORKERS
const STARTED = STOCK + 1
const OVER = STARTED + 1 // the kills of this round
const CELLS = OVER + 1

type What = 'lock' | 'rlock' | 'named' | 'semaphore' | 'event' | 'condition' | 'barrier'
const WHATS: readonly What[] = ['lock', 'rlock', 'named', 'semaphore', 'event', 'condition', 'barrier']

interface Scene {
  readonly lock: Lock
  readonly semaphore: Semaphore
  readonly event: Event
  readonly condition: Condition
  readonly barrier: Barrier
  readonly cells: SharedArray<'int32'>
}

/** One worker. `sync`: it blocks; else it awaits. Ends when the kills are over, whoever died. */
async function work(what: What, { lock, semaphore, event, condition, barrier, cells }: Scene, place: number, sync: boolean, seed: number): Promise<void> {
  process.on('warning', () => {}) // abandoned locks warn; they are counted instead
  let state = seed
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fff_ffff
    return (state >>> 8) % below
  }
  /** What a holder does: everything that the lock is to protect. */
  const inside = (abandoned: boolean): void => {
    if (abandoned) {
      cells.add(TOLD, 1)
      // The dead one may have come to one of its two steps only.
      cells.set(CAREFUL, cells.at(ATOMIC)!)
      cells.set(INSIDE, 0)
    }
    if (cells.exchange(INSIDE, place + 1) !== 0 || cells.at(CAREFUL) !== cells.at(ATOMIC)) cells.add(VIOLATIONS, 1)
    const seen = cells.at(CAREFUL)!
    for (let i = random(2000); i > 0; i--) cells.at(INSIDE)
    cells.set(CAREFUL, seen + 1)
    cells.add(ATOMIC, 1)
    if (cells.exchange(INSIDE, 0) !== place + 1) cells.add(VIOLATIONS, 1)
  }
  cells.add(STARTED, 1)
  for (let turn = 0; cells.at(OVER) === 0; turn++) {
    if (what === 'lock' || what === 'rlock' || what === 'named') {
      const way = random(4)
      if (sync || way === 3) lock.runExclusiveSync((guard) => inside(guard.abandoned))
      else if (way === 0) await lock.runExclusive((guard) => inside(guard.abandoned))
      else {
        // A wait that is given up now and then.
        const options = way === 1 ? { timeout: random(3) } : { signal: AbortSignal.timeout(random(4)) }
        using guard = await lock.hold(options).catch(() => undefined)
        if (guard) inside(guard.abandoned)
      }
    } else if (what === 'semaphore') {
      const permit = sync ? semaphore.holdSync() : await semaphore.hold()
      cells.set(OUT + place, 1)
      for (let i = random(2000); i > 0; i--) cells.at(OUT)
      cells.set(OUT + place, 0)
      permit.release()
    } else if (what === 'event') {
      if (turn % WORKERS === place % WORKERS) event.set()
      else if (sync) event.waitSync({ timeout: 20 })
      else await event.wait({ timeout: 20 })
      if (random(3) === 0) event.clear()
    } else if (what === 'condition') {
      // Who puts wakes one; who finds nothing waits.
      const step = sync || random(2) === 0
      if (turn % 2 === 0) {
        condition.runExclusiveSync(() => (cells.add(STOCK, 1), condition.notify()))
      } else if (step) {
        condition.runExclusiveSync(() => condition.waitForSync(() => cells.at(STOCK)! > 0, { timeout: 30 }) && cells.add(STOCK, -1))
      } else {
        await condition.runExclusive(async () => (await condition.waitFor(() => cells.at(STOCK)! > 0, { timeout: 30 })) && cells.add(STOCK, -1))
      }
    } else {
      try {
        if (sync) barrier.waitSync()
        else await barrier.wait()
      } catch (error) {
        if (!(error instanceof BrokenBarrierError)) throw error
        return
      }
    }
  }
}

function scene(what: What, number: number): Scene {
  const lock = what === 'rlock' ? new RLock() : what === 'named' ? new Lock({ name: `kills-${process.pid}-${number}` }) : new Lock()
  return { lock, semaphore: new Semaphore(PERMITS), event: new Event(), condition: new Condition(), barrier: new Barrier(WORKERS), cells: new SharedArray('int32', CELLS) }
}

async function round(run: Campaign, number: number): Promise<void> {
  const what = WHATS[number % WHATS.length]!
  const stage = scene(what, number)
  const { cells, semaphore, lock, condition, barrier } = stage
  const members = Array.from({ length: WORKERS }, (_, place) =>
    new Process({ target: work, args: [what, stage, place, run.random() < 0.5, run.integer(1, 2 ** 30)], name: `${what}-${place}` }).start())
  // Kills one after the other, until only few are left.
  // All, most times: else some come while others die.
  const started = Math.min(WORKERS, run.integer(1, WORKERS + 5))
  while (cells.at(STARTED)! < started) await sleep(1)
  await sleep(run.integer(0, 20))
  let alive = members.filter((each) => each.isAlive())
  for (let kills = run.integer(WORKERS - 2, WORKERS); kills > 0 && alive.length > 0; kills--) {
    const chosen = alive[run.integer(0, alive.length - 1)]!
    // Half of them aim at who is in there now.
    const holder = members[cells.at(INSIDE)! - 1]
    ;(holder !== undefined && run.random() < 0.5 ? holder : chosen).kill()
    run.killed()
    if (run.random() < 0.3) lockFromHere(what, stage)
    await sleep(run.integer(0, 12))
    alive = alive.filter((each) => each.isAlive())
  }
  cells.set(OVER, 1)
  barrier.abort()
  for (const each of members) await run.mustCome(`the end of ${each.name}`, each.join())
  const fail = (text: string): void => run.violation(`round ${number}, ${what}: ${text}`)
  for (const { name, exitCode } of members) if (exitCode !== 0 && exitCode !== -9) fail(`${name} ended with ${exitCode}`)

  // Takes what the last ones left, and looks whether all is as it must be.
  if (await run.mustCome('the lock', lock.acquire({ timeout: 30_000 }).catch(() => acquireRLock(lock)))) {
    if (!lock.abandoned && (cells.at(CAREFUL) !== cells.at(ATOMIC) || cells.at(INSIDE) !== 0)) fail(`the counters are ${cells.at(CAREFUL)} and ${cells.at(ATOMIC)}, and nobody was told of a death`)
    if (lock.abandoned) run.count('told')
    lock.release()
  } else {
    fail('the lock is held by nobody')
  }
  if (cells.at(VIOLATIONS) !== 0) {
    run.count('lost', cells.at(VIOLATIONS)!)
    fail(`${cells.at(VIOLATIONS)} times two were inside, or an update was lost`)
  }
  if (semaphore.getValue() !== PERMITS) fail(`${semaphore.getValue()} permits are left of ${PERMITS}`)
  if (!(await run.mustCome('the lock of the condition', condition.acquire({ timeout: 30_000 })))) fail('the lock of the condition is held by nobody')
  if (barrier.nWaiting !== 0) fail(`${barrier.nWaiting} dead ones wait at the barrier`)
  run.count('told', cells.at(TOLD)!)
  run.count('updates', cells.at(ATOMIC)!)
  for (const handle of Object.values(stage) as { close(): void }[]) handle.close()
  run.count('rounds')
}

const acquireRLock = (lock: Lock): boolean => lock.acquireSync({ timeout: 30_000 })

/** The parent takes part, too, while its children are zombies that nobody has reaped. */
function lockFromHere(what: What, { lock, semaphore, cells }: Scene): void {
  if (what === 'semaphore') semaphore.holdSync().release()
  else if (what === 'lock' || what === 'rlock' || what === 'named') {
    lock.runExclusiveSync(({ abandoned }) => {
      if (!abandoned) return
      cells.add(TOLD, 1)
      cells.set(CAREFUL, cells.at(ATOMIC)!)
      cells.set(INSIDE, 0)
    })
  }
}

process.on('warning', () => {})
await campaign({ kills: 2000, seconds: 3000 }, async (run) => {
  const folder = mkdtempSync(join(tmpdir(), 'l-'))
  process.env.MULTIPROC_NAMES = join(folder, 'names')
  try {
    for (let number = 0; !run.isOver; number++) await round(run, number)
    if (existsSync(process.env.MULTIPROC_NAMES)) run.violation(`left behind: ${readdirSync(process.env.MULTIPROC_NAMES)}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
