/**
 * One simulated thread of the explorer. Its body is run again from the start for every step: the results of the steps
 * it has made are played back from its log, and at the first step that is not in the log the body is left by throwing.
 * So a body needs no thread of its own, can be stopped ("killed") between any two steps for good, and everything it
 * keeps in local variables is a function of its log: two histories with equal logs and equal memory are one state.
 */

/** What `AtomicOps` of core offers, written down again because this package depends on none. */
export interface ModelOps {
  load(words: Int32Array, index: number): number
  store(words: Int32Array, index: number, value: number): number
  compareExchange(words: Int32Array, index: number, expected: number, value: number): number
  exchange(words: Int32Array, index: number, value: number): number
  add(words: Int32Array, index: number, value: number): number
  or(words: Int32Array, index: number, value: number): number
  and(words: Int32Array, index: number, value: number): number
}

/** The `Agent` of core/src/contracts/agent.ts, and what a model test needs beyond it. */
export interface ModelAgent {
  readonly ops: ModelOps
  readonly id: number
  isDead(id: number): boolean
  isParked(id: number): boolean
  wake(id: number, how: 1 | 2): void
  park(deadlineMs: number, watched: readonly number[]): void
  nowMs(): number
  /** As `Thread.onPark`: `hook` runs after PARKED was set and before the thread sleeps. */
  onPark(hook: () => void): () => void
  /** Stands for the event loop of this thread: sleeps until its doorbell is rung, a watched thread dies or time is up. */
  loop(deadlineMs: number, watched: readonly number[]): void
  /** Reads plain (not atomic) memory of the scenario; without this wrapper a plain read is not played back rightly. */
  read(look: () => number): number
  /** Fails the schedule when `fact` is false. */
  expect(fact: boolean, sentence: string): void
}

export type WordOp = keyof ModelOps

/** The next step of an agent, as its body asked for it. Only `loop`, `sleep` and `finished` can stand still. */
export type Request =
  | { kind: 'word'; op: WordOp; words: Int32Array; index: number; value: number; expected: number }
  | { kind: 'isDead' | 'isParked'; id: number }
  | { kind: 'wake'; id: number; how: 1 | 2 }
  | { kind: 'parked' }
  | { kind: 'sleep' | 'loop'; deadlineMs: number; watched: readonly number[] }
  | { kind: 'now' }
  | { kind: 'read'; look: () => number }
  | { kind: 'finished'; result: unknown }
  | { kind: 'threw'; error: unknown }

/** A node of an agent's tree of histories: what it did is the way to the root, what it wants next is `request`. */
export interface History {
  /** Unique among the histories of all agents: equal number, equal local state. */
  readonly number: number
  readonly request: Request
  /** Plain writes of the local code in front of `request`: index, value, index, value, … */
  readonly writes: readonly number[]
  readonly parent: History | undefined
  /** The result of the parent's request that led here. */
  readonly result: number
  readonly next: Map<number, History>
}

export type Body = (agent: ModelAgent, words: Int32Array) => unknown

const LEFT = Symbol('body left at its next step')
let histories = 0

export class ReplayedAgent {
  readonly name: string
  readonly id: number
  readonly #body: Body
  readonly #memory: Int32Array
  readonly #before: Int32Array
  #log: Request[] = []
  #results: number[] = []
  #cursor = 0
  #request: Request | undefined
  readonly #hooks = new Set<() => void>()
  readonly #agent: ModelAgent

  constructor(name: string, id: number, body: Body, memory: Int32Array) {
    this.name = name
    this.id = id
    this.#body = body
    this.#memory = memory
    this.#before = new Int32Array(memory.length)
    this.#agent = this.#makeAgent()
  }

  start(): History {
    return this.#run(undefined, 0)
  }

  /** What the agent wants after the request of `history` was answered with `result`. Applies the plain writes between. */
  after(history: History, result: number): History {
    let next = history.next.get(result)
    if (next === undefined) {
      next = this.#run(history, result)
      history.next.set(result, next)
    } else {
      const writes = next.writes
      for (let i = 0; i < writes.length; i += 2) this.#memory[writes[i]!] = writes[i + 1]!
    }
    return next
  }

  #run(parent: History | undefined, result: number): History {
    this.#log = []
    this.#results = []
    let answer = result
    for (let h = parent; h !== undefined; h = h.parent) {
      this.#log.push(h.request)
      this.#results.push(answer)
      answer = h.result
    }
    this.#log.reverse()
    this.#results.reverse()
    this.#cursor = 0
    this.#request = undefined
    this.#hooks.clear()
    this.#before.set(this.#memory)
    let request: Request
    try {
      const value = this.#body(this.#agent, this.#memory)
      request = this.#request ?? { kind: 'finished', result: value }
    } catch (error) {
      request = this.#request ?? { kind: 'threw', error }
    }
    const writes: number[] = []
    for (let i = 0; i < this.#before.length; i++) {
      if (this.#memory[i] !== this.#before[i]) writes.push(i, this.#memory[i]!)
    }
    return { number: ++histories, request, writes, parent, result, next: new Map() }
  }

  #ask(request: Request): number {
    // Already left: code that runs while the body unwinds (finally, catch) has no effect any more.
    if (this.#request !== undefined) throw LEFT
    if (this.#cursor < this.#log.length) {
      const recorded = this.#log[this.#cursor]!
      if (recorded.kind !== request.kind || (recorded.kind === 'word' && recorded.index !== (request as typeof recorded).index)) {
        throw new Error(`agent ${this.name} is not deterministic: step ${this.#cursor} was ${recorded.kind}, now ${request.kind}`)
      }
      const result = this.#results[this.#cursor++]!
      // The last recorded step: from here on plain writes count, those played back before do not.
      if (this.#cursor === this.#log.length) this.#memory.set(this.#before)
      return result
    }
    this.#request = request
    throw LEFT
  }

  #makeAgent(): ModelAgent {
    const word =
      (op: WordOp) =>
      (words: Int32Array, index: number, value = 0, replacement = 0): number =>
        op === 'compareExchange'
          ? this.#ask({ kind: 'word', op, words, index, expected: value, value: replacement })
          : this.#ask({ kind: 'word', op, words, index, value, expected: 0 })
    const ops: ModelOps = {
      load: word('load'),
      store: word('store'),
      compareExchange: word('compareExchange'),
      exchange: word('exchange'),
      add: word('add'),
      or: word('or'),
      and: word('and'),
    }
    return {
      ops,
      id: this.id,
      isDead: (id) => this.#ask({ kind: 'isDead', id }) === 1,
      isParked: (id) => this.#ask({ kind: 'isParked', id }) === 1,
      wake: (id, how) => void this.#ask({ kind: 'wake', id, how }),
      park: (deadlineMs, watched) => {
        this.#ask({ kind: 'parked' })
        for (const hook of this.#hooks) hook()
        this.#ask({ kind: 'sleep', deadlineMs, watched: [...watched] })
      },
      nowMs: () => this.#ask({ kind: 'now' }),
      onPark: (hook) => {
        this.#hooks.add(hook)
        return () => this.#hooks.delete(hook)
      },
      loop: (deadlineMs, watched) => void this.#ask({ kind: 'loop', deadlineMs, watched: [...watched] }),
      read: (look) => this.#ask({ kind: 'read', look }),
      expect: (fact, sentence) => {
        if (!fact && this.#request === undefined) throw new Error(sentence)
      },
    }
  }
}
