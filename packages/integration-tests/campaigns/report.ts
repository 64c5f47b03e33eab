/**
 * What campaigns share: options, a seeded source of chance, counts, the leak check, and one line of JSON at the end.
 *
 * ```ts
 * await campaign({ kills: 100 }, async (run) => {
 *   while (!run.isOver) { …; run.killed(); if (wrong) run.violation('what was wrong') }
 * })
 * ```
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { eventually, killMarked, leftFiles, MARK, markedProcesses, newMark, watched, WatchdogError } from '@multiproc/testing'

export interface Limits {
  /** The campaign is over after so many kills; default: never for that reason. */
  readonly kills?: number
  /** And after so many seconds; default 60. */
  readonly seconds?: number
  /** What is waited for must come within so many seconds after the campaign's end, else it hangs; default 120. */
  readonly graceSeconds?: number
}

/** How long a child that was told to end may take before it counts as left behind. */
const LEAK_GRACE_MS = 10_000

export class Campaign {
  readonly seed: number
  readonly kills: number
  readonly seconds: number
  readonly #begunMs = performance.now()
  readonly #counts = new Map<string, number>([['hangs', 0], ['leaks', 0], ['lost', 0]])
  readonly #violations: string[] = []
  #killed = 0
  #state: number

  constructor(seed: number, kills: number, seconds: number) {
    this.seed = seed
    this.kills = kills
    this.seconds = seconds
    this.#state = seed
  }

  /** Enough was killed, or the time has run out, or something was wrong. */
  get isOver(): boolean {
    return this.#killed >= this.kills || this.elapsedSeconds >= this.seconds || this.#violations.length > 0
  }

  get elapsedSeconds(): number {
    return (performance.now() - this.#begunMs) / 1000
  }

  /** From 0 up to 1, the same row of numbers for the same seed (mulberry32). */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from `from` up to, and with, `to`. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.random() * (to - from + 1))
  }

  killed(by = 1): void {
    this.#killed += by
  }

  /** Adds to a number of the report. `hangs`, `leaks` and `lost` above 0 are violations. */
  count(name: string, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by)
  }

  /** The campaign has failed: it is over, and its exit code is 1. */
  violation(text: string): void {
    this.#violations.push(text)
    console.error(`violation: ${text}`)
  }

  /** Waits for something that must come; what does not counts as a hang. */
  async mustCome<T>(what: string, work: PromiseLike<T>, timeoutMs = 60_000): Promise<T> {
    try {
      return await watched(what, work, timeoutMs)
    } catch (error) {
      if (error instanceof WatchdogError) this.count('hangs')
      throw error
    }
  }

  report(name: string): { line: string; isGreen: boolean } {
    const counts = Object.fromEntries(this.#counts)
    const bad = ['hangs', 'leaks', 'lost'].some((name) => (this.#counts.get(name) ?? 0) > 0)
    const isGreen = !bad && this.#violations.length === 0
    const seconds = Math.round(this.elapsedSeconds * 10) / 10
    return { line: JSON.stringify({ name, seed: this.seed, kills: this.#killed, ...counts, violations: this.#violations.length, seconds }), isGreen }
  }
}

/** Runs a campaign and ends the process: 0 if nothing was violated, nothing hung and nothing was left behind. */
export async function campaign(limits: Limits, body: (run: Campaign) => Promise<void>): Promise<never> {
  const { values } = parseArgs({ options: { kills: { type: 'string' }, seed: { type: 'string' }, seconds: { type: 'string' } } })
  const seed = numberOf(values.seed) ?? Math.floor(Math.random() * 2 ** 31)
  const run = new Campaign(seed, numberOf(values.kills) ?? limits.kills ?? Infinity, numberOf(values.seconds) ?? limits.seconds ?? 60)
  // A temp folder and a mark of its own: what others leave on this machine is not ours.
  const mark = (process.env[MARK] = newMark())
  const temporary = (process.env.TMPDIR = mkdtempSync(join(tmpdir(), 'mp-')))
  const filesBefore = leftFiles()
  try {
    await watched('the end of the campaign', body(run), (run.seconds + (limits.graceSeconds ?? 120)) * 1000)
  } catch (error) {
    if (error instanceof WatchdogError) run.count('hangs')
    run.violation(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  await eventually('every child has ended', () => markedProcesses(mark).length === 0, LEAK_GRACE_MS).catch(() => {})
  for (const { pid, command } of killMarked(mark)) leaked(run, `process ${pid}: ${command}`)
  for (const file of leftFiles()) if (!filesBefore.has(file)) leaked(run, `file ${file}`)
  rmSync(temporary, { recursive: true, force: true })
  const { line, isGreen } = run.report(basename(process.argv[1] ?? '', '.ts'))
  console.log(line)
  process.exit(isGreen ? 0 : 1)
}

function leaked(run: Campaign, what: string): void {
  run.count('leaks')
  console.error(`left behind: ${what}`)
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isFinite(value) || value < 0) throw new RangeError(`an option must be a number from 0 on, not ${text}`)
  return value
}
