import type { Thread } from '@multiproc/core'

/** Something that is due at a moment. */
export interface Deadline {
  readonly atMs: number
  /** Cleared when it was cancelled, or has run. */
  due: (() => void) | undefined
}

const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * The time limits of a pool: a heap with one timer for all of them, so that a million queued tasks with a limit cost
 * a million entries and no million timers, and so that a call that blocks the thread can see to them, too. Does not keep the
 * event loop alive: outstanding tasks do.
 */
export class Deadlines {
  readonly #thread: Thread
  #heap: Deadline[] = []
  #cancelled = 0
  #timer: NodeJS.Timeout | undefined
  #timerMs = Infinity

  constructor(thread: Thread) {
    this.#thread = thread
  }

  /** The first moment at which something is due. */
  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Infinity
  }

  add(delayMs: number, due: () => void): Deadline {
    const deadline: Deadline = { atMs: this.#thread.nowMs() + delayMs, due }
    const heap = this.#heap
    let at = heap.push(deadline) - 1
    while (at > 0 && (heap[(at - 1) >> 1] as Deadline).atMs > deadline.atMs) {
      heap[at] = heap[(at - 1) >> 1] as Deadline
      at = (at - 1) >> 1
    }
    heap[at] = deadline
    this.#arm()
    return deadline
  }

  cancel(deadline: Deadline | undefined): void {
    if (deadline?.due === undefined) return
    deadline.due = undefined
    if (++this.#cancelled > 64 && this.#cancelled * 2 > this.#heap.length) {
      // A sorted array is a heap.
      this.#heap = this.#heap.filter(({ due }) => due !== undefined).sort((a, b) => a.atMs - b.atMs)
      this.#cancelled = 0
    }
    while (this.#heap.length > 0 && (this.#heap[0] as Deadline).due === undefined) this.#shift()
    this.#arm()
  }

  /** Does all that is due now. */
  runDue(): void {
    const nowMs = this.#thread.nowMs()
    while (this.nextMs <= nowMs) {
      const deadline = this.#shift()
      const { due } = deadline
      deadline.due = undefined
      due?.()
    }
    this.#arm()
  }

  #shift(): Deadline {
    const heap = this.#heap
    const first = heap[0] as Deadline
    const last = heap.pop() as Deadline
    if (first.due === undefined) this.#cancelled -= 1
    const { length } = heap
    if (length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= length) break
      if (child + 1 < length && (heap[child + 1] as Deadline).atMs < (heap[child] as Deadline).atMs) child += 1
      if ((heap[child] as Deadline).atMs >= last.atMs) break
      heap[at] = heap[child] as Deadline
      at = child
    }
    heap[at] = last
    return first
  }

  #arm(): void {
    const { nextMs } = this
    // A timer that is early only looks once more.
    if (nextMs >= this.#timerMs) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#timerMs = nextMs
    if (nextMs === Infinity) return
    const leftMs = Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil(nextMs - this.#thread.nowMs())))
    this.#timer = setTimeout(() => {
      this.#timerMs = Infinity
      this.runDue()
    }, leftMs).unref()
  }
}
