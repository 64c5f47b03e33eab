/**
 * Walks all interleavings of a few simulated threads over shared words, in one real thread, with no clock and no chance.
 *
 * ```ts
 * const COUNTER = 0
 * const increment = ({ ops }: ModelAgent, words: Int32Array) => {
 *   for (;;) {
 *     const seen = ops.load(words, COUNTER)
 *     if (ops.compareExchange(words, COUNTER, seen, seen + 1) === seen) return
 *   }
 * }
 * const report = explore({
 *   words: 1,
 *   agents: { A: increment, B: increment },
 *   kills: 1, // one agent may die between any two of its steps
 *   check: ({ words, dead }) => { if (words[COUNTER]! + dead.length < 2) throw new Error('an increment was lost') },
 * })
 * report.exhausted // => true: every schedule was walked
 * ```
 *
 * A step is one atomic operation, one `wake`, `isDead`, `isParked`, or one of the two halves of `park` (set PARKED;
 * sleep). A body must be deterministic, keep its state in local variables or in `words`, and wrap plain reads of `words`
 * into `agent.read`. It fails a schedule by throwing; the error names the schedule step by step. So does a state in which
 * nobody can run and not everybody is done: that is a lost wake-up or a deadlock.
 *
 * A parked agent runs again when it was woken, when a watched agent is dead, or when its deadline passed. By default time
 * passes only when nobody else can run, so that a deadline does not hide a lost wake-up from `report.timeouts`.
 *
 * Equal states (memory, clock, and what each agent has seen so far) are walked once, so schedules are many more than
 * states. Code that retries without end while another agent is stopped has endless schedules: `maxSteps` reports it.
 */
import { type Body, type History, type Request, ReplayedAgent } from './agent.ts'

export type { ModelAgent, ModelOps } from './agent.ts'

export interface Scenario {
  /** How many int32 words of shared memory, zeroed. */
  words: number
  /** Prepares the memory; `ids` are the agents' ids by name. */
  setup?: (words: Int32Array, ids: Record<string, number>) => void
  agents: Record<string, Body>
  /** These run alone first, one after the other, until they sleep: the walk begins behind that, with far fewer states. */
  asleep?: readonly string[]
  /** How many agents may be killed in one schedule. Default 0. */
  kills?: number
  /** Who may be killed. Default: every agent. */
  mayDie?: readonly string[]
  /** Most switches away from an agent that could have gone on. Default: no bound. */
  maxPreemptions?: number
  /** `idle`: time passes only when nobody can run. `any`: a deadline may pass at any moment. `never`. Default `idle`. */
  timeouts?: 'idle' | 'any' | 'never'
  /** How often the clock may go on by one millisecond at any moment. Default 0. */
  ticks?: number
  /** Looked at when all agents are done or dead. Throws when something is wrong. */
  check?: (end: End) => void
  /** Looked at after each step. Throws when something is wrong. */
  always?: (words: Int32Array) => void
  /** Most steps of one schedule: more are taken for a livelock and fail. Default 2,000. */
  maxSteps?: number
  /** Tries the choices of each state in an order drawn from this number, so that a walk cut off by `maxStates` is a sample. */
  seed?: number
  /** Gives up (`exhausted: false`) after so many states. Default 1,000,000. */
  maxStates?: number
}

export interface End {
  readonly words: Int32Array
  readonly dead: readonly string[]
  /** What the bodies of those that lived to the end returned. */
  readonly results: Readonly<Record<string, unknown>>
}

export interface Report {
  readonly states: number
  /** How many different ends were reached. */
  readonly ends: number
  /** How often nobody could run until a deadline passed. */
  readonly timeouts: number
  readonly exhausted: boolean
}

const TOKEN = 1
const PARKED = 2
const BELL = 4
const DEAD = 8
/** Nothing that others see changed since this agent's last step that did: dying now is the same as dying then. */
const READ_ONLY = 16

interface State {
  memory: Int32Array
  histories: History[]
  flags: number[]
  clock: number
  kills: number
  ticks: number
  preemptions: number
  last: number
}

interface Choice {
  kind: 'step' | 'kill' | 'timeout' | 'tick'
  agent: number
}

interface Frame {
  state: State
  choices: Choice[]
  next: number
  label: string
}

export function explore(scenario: Scenario): Report {
  return new Explorer(scenario).run()
}

class Explorer {
  readonly #scenario: Scenario
  readonly #memory: Int32Array
  readonly #agents: ReplayedAgent[]
  readonly #indexOf = new Map<number, number>()
  readonly #mayDie: boolean[]
  readonly #maxPreemptions: number
  readonly #visited = new Set<string>()
  readonly #stack: Frame[] = []
  #ends = 0
  #timeouts = 0
  #random: number

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    this.#memory = new Int32Array(new SharedArrayBuffer(scenario.words * 4))
    const names = Object.keys(scenario.agents)
    // {generation: 1 + i, slot: 1 + i}: as wide as real ids, so that packing them into words is tried too.
    this.#agents = names.map((name, i) => new ReplayedAgent(name, ((i + 1) << 12) | (i + 1), scenario.agents[name]!, this.#memory))
    this.#agents.forEach((agent, i) => this.#indexOf.set(agent.id, i))
    this.#mayDie = names.map((name) => scenario.mayDie?.includes(name) ?? true)
    this.#random = (scenario.seed ?? 0) | 1
    this.#maxPreemptions = scenario.maxPreemptions ?? Infinity
  }

  run(): Report {
    const ids = Object.fromEntries(this.#agents.map((agent) => [agent.name, agent.id]))
    this.#scenario.setup?.(this.#memory, ids)
    const begin: State = {
      memory: this.#memory,
      histories: this.#agents.map((agent) => agent.start()),
      flags: this.#agents.map(() => 0),
      clock: 0,
      kills: this.#scenario.kills ?? 0,
      ticks: this.#scenario.ticks ?? 0,
      preemptions: 0,
      last: -1,
    }
    for (const name of this.#scenario.asleep ?? []) {
      const i = this.#agents.findIndex((agent) => agent.name === name)
      while (this.#canRun(begin, i)) this.#step(begin, i, false)
    }
    const maxStates = this.#scenario.maxStates ?? 1_000_000
    const maxSteps = this.#scenario.maxSteps ?? 2000
    this.#enter(begin, 'start')
    while (this.#stack.length > 0) {
      if (this.#visited.size > maxStates) return this.#report(false)
      const frame = this.#stack[this.#stack.length - 1]!
      const choice = frame.choices[frame.next++]
      if (choice === undefined) {
        this.#stack.pop()
        continue
      }
      if (this.#stack.length > maxSteps) this.#fail(new Error(`more than ${maxSteps} steps: a livelock?`), '')
      this.#take(frame.state, choice)
    }
    return this.#report(true)
  }

  #report(exhausted: boolean): Report {
    return { states: this.#visited.size, ends: this.#ends, timeouts: this.#timeouts, exhausted }
  }

  /** Makes one choice in `from` and enters the state it leads to, unless that was walked before. */
  #take(from: State, choice: Choice): void {
    const i = choice.agent
    this.#memory.set(from.memory)
    const to: State = { ...from, memory: this.#memory, histories: from.histories.slice(), flags: from.flags.slice() }
    let label: string
    if (choice.kind === 'tick') {
      to.ticks--
      to.clock++
      label = `time ${to.clock}`
    } else if (choice.kind === 'kill') {
      to.kills--
      to.flags[i]! |= DEAD
      label = `${this.#agents[i]!.name} is killed`
    } else {
      const last = from.last
      if (choice.kind === 'step' && last !== i && last >= 0 && this.#canRun(from, last)) to.preemptions++
      to.last = i
      label = this.#step(to, i, choice.kind === 'timeout')
    }
    this.#enter(to, label)
  }

  #enter(state: State, label: string): void {
    const failed = state.histories.find((history, i) => history.request.kind === 'threw' && !(state.flags[i]! & DEAD))
    if (failed?.request.kind === 'threw') this.#fail(failed.request.error, label)
    try {
      this.#scenario.always?.(this.#memory)
    } catch (error) {
      this.#fail(error, label)
    }
    const key = this.#key(state)
    if (this.#visited.has(key)) return
    this.#visited.add(key)
    const choices = this.#choices(state, label)
    if (this.#scenario.seed !== undefined) this.#shuffle(choices)
    if (choices.length > 0) this.#stack.push({ state: { ...state, memory: this.#memory.slice() }, choices, next: 0, label })
  }

  #choices(state: State, label: string): Choice[] {
    const choices: Choice[] = []
    const { timeouts = 'idle' } = this.#scenario
    const bound = state.preemptions >= this.#maxPreemptions && state.last >= 0 && this.#canRun(state, state.last)
    let alive = 0
    let earliest = Infinity
    for (let i = 0; i < this.#agents.length; i++) {
      const request = state.histories[i]!.request
      if (state.flags[i]! & DEAD || request.kind === 'finished') continue
      alive++
      if (this.#canRun(state, i)) {
        if (!bound || i === state.last) choices.push({ kind: 'step', agent: i })
      } else if (request.kind === 'sleep' || request.kind === 'loop') {
        earliest = Math.min(earliest, request.deadlineMs)
        if (timeouts === 'any' && request.deadlineMs < Infinity) choices.push({ kind: 'timeout', agent: i })
      }
    }
    if (alive === 0) {
      this.#end(state, label)
      return choices
    }
    if (choices.length === 0 && timeouts === 'idle' && earliest < Infinity) {
      this.#timeouts++
      for (let i = 0; i < this.#agents.length; i++) {
        const request = state.histories[i]!.request
        if (state.flags[i]! & DEAD) continue
        if ((request.kind === 'sleep' || request.kind === 'loop') && request.deadlineMs === earliest) choices.push({ kind: 'timeout', agent: i })
      }
    }
    // A death may set somebody free, but nobody may have to wait for one.
    if (choices.length === 0) this.#fail(new Error('nobody can run, and not everybody is done'), label, state)
    if (state.ticks > 0) choices.push({ kind: 'tick', agent: -1 })
    if (state.kills > 0) {
      for (let i = 0; i < this.#agents.length; i++) {
        // A thread that has finished is alive until its process ends, so it may be killed too.
        if (this.#mayDie[i] && !(state.flags[i]! & (DEAD | READ_ONLY))) choices.push({ kind: 'kill', agent: i })
      }
    }
    return choices
  }

  #shuffle(choices: Choice[]): void {
    for (let i = choices.length - 1; i > 0; i--) {
      // xorshift32; source: Marsaglia, "Xorshift RNGs" (2003).
      this.#random ^= this.#random << 13
      this.#random ^= this.#random >>> 17
      this.#random ^= this.#random << 5
      const j = (this.#random >>> 0) % (i + 1)
      const choice = choices[i]!
      choices[i] = choices[j]!
      choices[j] = choice
    }
  }

  #end(state: State, label: string): void {
    this.#ends++
    const dead = this.#agents.filter((_, i) => state.flags[i]! & DEAD).map((agent) => agent.name)
    const results: Record<string, unknown> = {}
    state.histories.forEach(({ request }, i) => {
      if (request.kind === 'finished' && !(state.flags[i]! & DEAD)) results[this.#agents[i]!.name] = request.result
    })
    try {
      this.#scenario.check?.({ words: this.#memory, dead, results })
    } catch (error) {
      this.#fail(error, label)
    }
  }

  #canRun(state: State, i: number): boolean {
    const flags = state.flags[i]!
    const request = state.histories[i]!.request
    if (flags & DEAD || request.kind === 'finished' || request.kind === 'threw') return false
    if (request.kind !== 'sleep' && request.kind !== 'loop') return true
    if (flags & (request.kind === 'sleep' ? TOKEN : BELL)) return true
    return request.deadlineMs <= state.clock || request.watched.some((id) => this.#isDead(state, id))
  }

  #isDead(state: State, id: number): boolean {
    const i = this.#indexOf.get(id)
    // An id that no agent has: one of a generation before.
    return i === undefined || (state.flags[i]! & DEAD) !== 0
  }

  #step(state: State, i: number, timedOut: boolean): string {
    const agent = this.#agents[i]!
    const history = state.histories[i]!
    const request = history.request
    let result = 0
    let text: string = request.kind
    switch (request.kind) {
      case 'word': {
        const { words, index, value, expected } = request
        result =
          request.op === 'load' ? Atomics.load(words, index)
          : request.op === 'compareExchange' ? Atomics.compareExchange(words, index, expected, value)
          : Atomics[request.op](words, index, value)
        const place = (words.byteOffset >> 2) + index
        const args = request.op === 'load' ? '' : request.op === 'compareExchange' ? ` ${hex(expected)} → ${hex(value)}` : ` ${hex(value)}`
        text = `${request.op} [${place}]${args} = ${hex(result)}`
        break
      }
      case 'isDead':
        result = Number(this.#isDead(state, request.id))
        text = `isDead(${hex(request.id)}) = ${result}`
        break
      case 'isParked': {
        const other = this.#indexOf.get(request.id)
        result = other !== undefined && state.flags[other]! & PARKED ? 1 : 0
        text = `isParked(${hex(request.id)}) = ${result}`
        break
      }
      case 'wake': {
        const other = this.#indexOf.get(request.id)
        if (other !== undefined) state.flags[other]! |= request.how === 1 ? TOKEN : BELL
        text = `wake(${hex(request.id)}, ${request.how === 1 ? 'park' : 'bell'})`
        break
      }
      case 'parked':
        state.flags[i]! |= PARKED
        break
      case 'sleep':
      case 'loop': {
        if (timedOut) state.clock = Math.max(state.clock, request.deadlineMs)
        const rung = request.kind === 'sleep' ? TOKEN : BELL
        text = timedOut ? `${request.kind}: times out at ${state.clock}` : `${request.kind}: ${state.flags[i]! & rung ? 'woken' : 'told of a death'}`
        state.flags[i]! &= ~(request.kind === 'sleep' ? TOKEN | PARKED : BELL)
        break
      }
    }
    state.flags[i]! &= ~READ_ONLY
    if (isReadOnly(request, result)) state.flags[i]! |= READ_ONLY
    let next = agent.after(history, result)
    // What no other agent can influence, or notice, is done in the same step: fewer states, the same schedules.
    for (;;) {
      const { request } = next
      if (request.kind === 'now') next = agent.after(next, state.clock)
      else if (request.kind === 'read') next = agent.after(next, request.look())
      else if (request.kind === 'isDead' && (state.kills === 0 || this.#isDead(state, request.id))) next = agent.after(next, Number(this.#isDead(state, request.id)))
      else break
    }
    state.histories[i] = next
    return `${agent.name}  ${text}`
  }

  #key(state: State): string {
    // Two independent 32-bit hashes of the memory; the rest exactly.
    let a = 0x811c9dc5
    let b = 0x9747b28c
    const memory = this.#memory
    for (let i = 0; i < memory.length; i++) {
      a = Math.imul(a ^ memory[i]!, 0x01000193)
      a ^= a >>> 15
      b = Math.imul(b + memory[i]!, 0x85ebca6b)
      b = (b << 13) | (b >>> 19)
    }
    let key = `${a},${b},${state.clock},${state.kills},${state.ticks}`
    if (this.#maxPreemptions !== Infinity) key += `,${state.preemptions},${state.last}`
    for (let i = 0; i < state.flags.length; i++) key += `,${state.histories[i]!.number}.${state.flags[i]}`
    return key
  }

  #fail(cause: unknown, label: string, state?: State): never {
    const steps = this.#stack.map((frame) => frame.label).concat(label)
    const standing = state?.histories.map(({ request }, i) => {
      const { name, id } = this.#agents[i]!
      const how = state.flags[i]! & DEAD ? 'dead' : request.kind === 'finished' ? 'done' : JSON.stringify(request)
      return `${name} (${hex(id)}): ${how}`
    })
    const message = cause instanceof Error ? cause.message : String(cause)
    const text = [message, 'schedule:', ...steps.map((step) => `  ${step}`), ...(standing ?? [])].join('\n')
    throw new Error(text, { cause })
  }
}

function isReadOnly(request: Request, result: number): boolean {
  if (request.kind === 'isDead' || request.kind === 'isParked') return true
  return request.kind === 'word' && (request.op === 'load' || (request.op === 'compareExchange' && result !== request.expected))
}

function hex(value: number): string {
  return value >= 0 && value < 4096 ? String(value) : `0x${(value >>> 0).toString(16)}`
}
