import type { PendingTurn, Turn } from './turn.ts'

/** Several turns as one, which is done when at least one of them is: `ready` tells which, in the order given. */
export class AnyTurn implements Turn {
  readonly watched: number[] = []
  readonly ready: number[] = []
  untilMs = Infinity
  readonly #turns: readonly Turn[]

  constructor(turns: readonly Turn[]) {
    this.#turns = turns
  }

  attach(pending: PendingTurn): void {
    for (const turn of this.#turns) turn.attach?.(pending)
  }

  look(): boolean {
    this.ready.length = 0
    this.watched.length = 0
    this.untilMs = Infinity
    this.#turns.forEach((turn, i) => {
      if (turn.look()) return this.ready.push(i)
      for (const id of turn.watched) if (!this.watched.includes(id)) this.watched.push(id)
      this.untilMs = Math.min(this.untilMs, turn.untilMs)
    })
    if (this.ready.length === 0) return false
    this.leave()
    return true
  }

  leave(): void {
    for (const turn of this.#turns) turn.leave()
  }

  pass(): void {
    for (const turn of this.#turns) turn.pass()
  }
}
