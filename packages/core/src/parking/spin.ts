/**
 * How many rounds to look again before sleeping. Spinning pays only while the awaited thread runs on another core: on the
 * same core it keeps that thread from running. Rounds, not time: a clock costs more than a look.
 *
 * Source: prototype lock, two processes on two cores, contended: 14–20 M/s with 1,000 rounds, 4–11 with none; four on two
 * cores get slower by spinning, hence the halving after each time it was in vain.
 */
const MOST_ROUNDS = 1024
const FEWEST_ROUNDS = 16

export class SpinBudget {
  private rounds = MOST_ROUNDS

  /** Rounds to spend now; `elsewhere` says that the awaited thread was last seen on another core. */
  next(elsewhere: boolean): number {
    return elsewhere ? this.rounds : 0
  }

  /** What was waited for came while spinning. */
  won(): void {
    this.rounds = Math.min(MOST_ROUNDS, this.rounds * 2)
  }

  /** The thread had to sleep in the end. */
  lost(): void {
    this.rounds = Math.max(FEWEST_ROUNDS, this.rounds >> 1)
  }
}

/** Longer than a thread needs to wake up and answer, so that two that poll for each other stay awake. Source: prototype ring. */
const LONGEST_POLL_MS = 0.05
const SHORTEST_POLL_MS = 0.001
/** The other side may have become quick since polling was given up. */
const TRY_AGAIN_EVERY = 32

/**
 * How long to look for an answer of a thread on another core before sleeping. A sleep costs both sides a wake-up, ten
 * times the answer itself; so this waits as long as a wake-up takes, and hardly at all where nothing came in that time.
 */
export class PollBudget {
  private ms = LONGEST_POLL_MS
  private polls = 0

  next(): number {
    return ++this.polls % TRY_AGAIN_EVERY === 0 ? LONGEST_POLL_MS : this.ms
  }

  /** What was waited for came while polling. */
  won(): void {
    this.ms = LONGEST_POLL_MS
  }

  /** The thread had to sleep in the end. */
  lost(): void {
    this.ms = Math.max(SHORTEST_POLL_MS, this.ms / 2)
  }
}
