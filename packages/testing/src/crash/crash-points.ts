/**
 * Dies before every atomic step of an operation, one after the other, and lets a survivor look at what was left.
 *
 * ```ts
 * const points = sweepCrashes({
 *   prepare: () => new Int32Array(new SharedArrayBuffer(64)),
 *   act: (words, ops) => push(ops, words, 42),              // dies before its k-th step, for k = 0, 1, 2, …
 *   survive: (words, died) => { recover(atomics, words); expect(pop(atomics, words)).toBeOneOf([42, undefined]) },
 * })
 * expect(points).toBeGreaterThan(3) // how many places to die there were
 * ```
 *
 * `finally` and `catch` blocks of the operation run, as they would not in a killed process; but every atomic step in them
 * throws again, so they change no shared word through `ops`.
 */
import type { ModelOps } from '../model/agent.ts'

/** Thrown in place of an atomic step. Not an `Error` of the library, so code that catches one of those lets it through. */
export class Crash extends Error {
  constructor(step: number) {
    super(`died before atomic step ${step}`)
    this.name = 'Crash'
  }
}

export interface CrashingOps extends ModelOps {
  /** How many steps were made. */
  readonly steps: number
}

/** Real atomic operations, until `step` of them are made (`Infinity`: for ever); each further one throws `Crash`. */
export function crashingOps(step: number): CrashingOps {
  let steps = 0
  const gate = (): void => {
    if (steps >= step) throw new Crash(step)
    steps++
  }
  return {
    get steps() {
      return steps
    },
    load: (words, index) => (gate(), Atomics.load(words, index)),
    store: (words, index, value) => (gate(), Atomics.store(words, index, value)),
    compareExchange: (words, index, expected, value) => (gate(), Atomics.compareExchange(words, index, expected, value)),
    exchange: (words, index, value) => (gate(), Atomics.exchange(words, index, value)),
    add: (words, index, value) => (gate(), Atomics.add(words, index, value)),
    or: (words, index, value) => (gate(), Atomics.or(words, index, value)),
    and: (words, index, value) => (gate(), Atomics.and(words, index, value)),
  }
}

export interface Sweep<World> {
  prepare: () => World
  /** The operation that dies. Its return ends the sweep, after one last `survive` with `died: false`. */
  act: (world: World, ops: ModelOps) => void
  /** Repairs and looks: throws (or `expect`s) when something is wrong. */
  survive: (world: World, died: boolean) => void
  /** More steps than this are taken for an endless loop. Default 10,000. */
  maxSteps?: number
}

/** Returns how many crash points were tried. An error of `survive` is thrown on with the step in its message. */
export function sweepCrashes<World>(sweep: Sweep<World>): number {
  const maxSteps = sweep.maxSteps ?? 10_000
  for (let step = 0; step <= maxSteps; step++) {
    const world = sweep.prepare()
    let died = false
    try {
      sweep.act(world, crashingOps(step))
    } catch (error) {
      if (!(error instanceof Crash)) throw error
      died = true
    }
    try {
      sweep.survive(world, died)
    } catch (error) {
      const where = died ? `after a death before step ${step}` : 'with no death'
      throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
    if (!died) return step
  }
  throw new Error(`the operation makes more than ${maxSteps} steps: endless?`)
}
