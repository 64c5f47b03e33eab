import type { Agent, WaitKind } from '../contracts/agent.ts'
import { ConditionTurn } from '../parking/wait.ts'
import type { Waiters } from '../parking/waiters.ts'

/** How often a waiter looks by itself while the other end exists only inside messages: nobody's death would tell it. */
const IN_FLIGHT_LOOK_MS = 100

/** Who holds the other end; of `Holders`. */
export interface Peer {
  /** The id of a living holder, or 0. */
  firstHeld(): number
  hasFlights(): boolean
}

/**
 * Waits for something that the other end does, or for the end of the other end.
 *
 * It watches one thread that holds the other end. When that one leaves it wakes all waiters, when it dies they are told;
 * then they look for another one to watch. So the last one of all is always watched, and the end always comes.
 */
export class PeerTurn<T> extends ConditionTurn<T> {
  readonly #clock: Agent
  readonly #peer: Peer
  readonly #watched: number[]

  /**
   * @param starting - runs before each sleep: wakes the other line, in case a wake-up was lost with its owner (sides.ts).
   * @param look - must succeed once the other end is over.
   */
  constructor(agent: Agent, waiters: Waiters, kind: WaitKind, peer: Peer, starting: () => void, look: () => T | undefined) {
    const watched: number[] = []
    super(agent, waiters, kind, look, () => {
      starting()
      const id = peer.firstHeld()
      watched.length = 0
      if (id !== 0) watched.push(id)
      return watched
    })
    this.#clock = agent
    this.#peer = peer
    this.#watched = watched
  }

  override look(): boolean {
    for (;;) {
      if (super.look()) return true
      if (this.#watched.length > 0) return false
      if (this.#peer.hasFlights()) {
        this.untilMs = Math.min(this.untilMs, this.#clock.nowMs() + IN_FLIGHT_LOOK_MS)
        return false
      }
      // Who held it was there for the look and is gone since: look again.
    }
  }
}
