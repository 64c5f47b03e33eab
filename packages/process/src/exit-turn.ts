import { monotonicMs, WAITS_SYNC, type PendingTurn, type Turn, type WaitKind } from '@multiproc/core'
import type { StartedChild } from './start/method.ts'

/** A blocked thread sleeps on shared words, which the end of a child does not touch: it looks at its child this often. */
const SYNC_LOOK_MS = 10

/** Waits for the end of a child, among others. */
export class ExitTurn implements Turn {
  readonly watched: readonly number[] = []
  untilMs = Infinity
  readonly #child: StartedChild
  readonly #looksByItself: boolean
  #stop = (): void => {}

  constructor(child: StartedChild, kind: WaitKind) {
    this.#child = child
    this.#looksByItself = kind === WAITS_SYNC
  }

  attach(pending: PendingTurn): void {
    this.#stop = this.#child.onExit(() => pending.look())
  }

  look(): boolean {
    if (this.#looksByItself) this.untilMs = monotonicMs() + SYNC_LOOK_MS
    if (!this.#child.isOver()) return false
    this.leave()
    return true
  }

  leave(): void {
    this.#stop()
  }

  pass(): void {}
}
