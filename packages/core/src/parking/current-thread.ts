import { isMainThread } from 'node:worker_threads'
import { arena, membership } from '../arena/family.ts'
import { atomics, type AtomicOps } from '../arena/atomics.ts'
import { T_CPU, T_PID, ThreadTable } from '../arena/thread-table.ts'
import { WAITS_SYNC, type WaitKind } from '../contracts/agent.ts'
import type { Thread } from '../contracts/thread.ts'
import { MultiprocError } from '../errors/base.ts'
import { DeathWatch } from '../life/death-watch.ts'
import { openLifePipe } from '../life/life-pipe.ts'
import { probeDeath } from '../life/probe.ts'
import { monotonicMs } from '../os/clock.ts'
import type { Os, SharedWords } from '../os/contract.ts'
import { os } from '../os/recommended.ts'
import { Doorbell } from './doorbell.ts'
import { Families, idAtHome, type Family } from './families.ts'
import { Parking } from './park.ts'

/** Longest sleep of a Worker: somebody may terminate it without asking it to stop, and V8 ends only running JavaScript. */
const WORKER_SLICE_MS = 250
/** Where the system marks no death, a thread is asked for at most this often. */
const PROBE_MS = 200

let current: Thread | undefined

/** The thread that runs this code, as a member of its family. Joins (or founds) the family at the first call. */
export function currentThread(): Thread {
  return (current ??= membership().thread ??= new OwnThread())
}

class OwnThread implements Thread {
  readonly ops: AtomicOps = atomics
  readonly id: number
  private readonly os: Os
  private readonly table: ThreadTable
  private readonly families: Families
  private readonly marksDeath: boolean
  private readonly parking: Parking
  private readonly bell: Doorbell
  private readonly deaths: DeathWatch
  private readonly probedMs = new Map<number, number>()

  constructor() {
    const head = arena().head
    this.os = os()
    this.marksDeath = this.os.marksDeath
    this.table = new ThreadTable(atomics, head.words)
    this.id = claimSlot(this.os, this.table, head)
    const blockMs = isMainThread ? Infinity : WORKER_SLICE_MS
    const sliceMs = membership().descriptor?.stops === true ? Infinity : blockMs
    this.families = new Families({ table: this.table, chunk: head, place: '' })
    this.parking = new Parking(this.os, this.families, this.id, sliceMs, blockMs, (id) => this.ask(id))
    this.bell = new Doorbell(this.os, this.families, this.id)
    this.deaths = new DeathWatch(this.os, this.families)
    openLifePipe(this.os, this.table, this.id)
    this.parking.noteCpu()
    if (isMainThread) process.on('exit', () => this.stopWorkers())
  }

  isDead(id: number): boolean {
    if (this.families.isDead(id)) return true
    return this.marksDeath || id === this.id ? false : this.probe(id)
  }

  isParked(id: number): boolean {
    return this.families.of(id).table.isParked(id)
  }

  wake(id: number, how: WaitKind): void {
    if (how === WAITS_SYNC) this.parking.unpark(id)
    else this.bell.ring(id)
  }

  park(deadlineMs: number, watched: readonly number[]): void {
    this.parking.park(deadlineMs, watched)
    this.bell.lookSoon()
  }

  block<T>(body: (sliceMs: number) => T): T {
    try {
      return this.parking.block(body)
    } finally {
      this.bell.lookSoon()
    }
  }

  nowMs(): number {
    return monotonicMs()
  }

  onBell(look: () => void): () => void {
    return this.bell.onBell(look)
  }

  onPark(pass: () => void): () => void {
    return this.parking.onPark(pass)
  }

  watchDeath(id: number, told: () => void): () => void {
    return this.deaths.watch(id, told)
  }

  ref(): void {
    this.bell.ref()
  }

  unref(): void {
    this.bell.unref()
  }

  meet(family: Family): number {
    return this.families.add(family)
  }

  part(family: number): void {
    this.families.drop(family)
  }

  requestStop(id: number): void {
    this.parking.requestStop(id)
  }

  runsElsewhere(id: number): boolean {
    const { table } = this.families.of(id)
    const theirs = this.ops.load(table.words, table.at(id, T_CPU)) - 1
    return theirs >= 0 && theirs !== this.parking.noteCpu()
  }

  private probe(id: number): boolean {
    const now = monotonicMs()
    if (now - (this.probedMs.get(id) ?? -Infinity) < PROBE_MS) return false
    this.probedMs.set(id, now)
    this.ask(id)
    const dead = this.families.isDead(id)
    if (dead) this.probedMs.delete(id)
    return dead
  }

  private ask(id: number): void {
    const { table, place } = this.families.of(id)
    probeDeath(this.os, table, idAtHome(id), place)
  }

  /** The process ends: its Workers must not be asleep, or Node waits for them for ever. */
  private stopWorkers(): void {
    for (const id of this.table.living()) {
      if (id !== this.id && this.ops.load(this.table.words, this.table.at(id, T_PID)) === process.pid) this.requestStop(id)
    }
  }
}

function claimSlot(system: Os, table: ThreadTable, chunk: SharedWords): number {
  const { pid, tid, start } = system.identity()
  const claimer = {
    pid,
    tid,
    start,
    guardLife: (index: number) => system.guardLife(chunk, index),
    isTaskDead: (task: number) => system.isTaskDead(task),
    wakeAll: (index: number) => system.wake(chunk, index, true),
  }
  let id = table.claim(claimer)
  if (id === 0 && !system.marksDeath) {
    for (const other of table.living()) probeDeath(system, table, other)
    id = table.claim(claimer)
  }
  if (id !== 0) return id
  throw new MultiprocError('ERR_MULTIPROC_NO_MEMORY', 'this thread cannot join its family: all 4,095 thread slots are taken. End some threads or processes.', {
    details: { limit: 4095 },
  })
}
