import { WAITING } from './task.ts'
import type { Task } from './task.ts'

/** So many withdrawn tasks may lie between the others before they are cleared away. */
const FEW = 1024

/**
 * Tasks that no worker has, in the order in which they begin: the higher priority first, then as they came. Those that were
 * withdrawn stay where they are until they come up, so that withdrawing one of a million costs what one of ten does.
 */
export class WaitingTasks {
  /** How many wait. */
  size = 0
  readonly #lines = new Map<number, Line>()
  #first: Line | undefined

  push(task: Task): void {
    this.size += 1
    this.#line(task.options.priority ?? 0).back.push(task)
  }

  /** What was taken back begins before all others of its priority. */
  putBack(task: Task): void {
    this.size += 1
    this.#line(task.options.priority ?? 0).front.push(task)
  }

  peek(): Task | undefined {
    while (this.#first !== undefined) {
      const task = this.#first.peek()
      if (task === undefined) this.#forget(this.#first)
      else if (task.place === WAITING) return task
      else this.#first.shift()
    }
    return undefined
  }

  /** Takes out what `peek` found. */
  shift(): void {
    this.#first?.shift()
    this.size -= 1
  }

  /** One of them was withdrawn: its place says so already. */
  withdrawn(): void {
    this.size -= 1
    let all = 0
    for (const line of this.#lines.values()) all += line.length
    if (all > FEW && all > 2 * this.size) for (const line of this.#lines.values()) line.clearAway()
  }

  takeAll(): Task[] {
    const all: Task[] = []
    for (let task = this.peek(); task !== undefined; task = this.peek()) {
      all.push(task)
      this.shift()
    }
    return all
  }

  #line(priority: number): Line {
    let line = this.#lines.get(priority)
    if (line !== undefined) return line
    line = new Line(priority)
    this.#lines.set(priority, line)
    if (this.#first === undefined || priority > this.#first.priority) this.#first = line
    return line
  }

  #forget(line: Line): void {
    this.#lines.delete(line.priority)
    this.#first = undefined
    for (const other of this.#lines.values()) if (this.#first === undefined || other.priority > this.#first.priority) this.#first = other
  }
}

/** What came back, last first; then what came. Everything at either end in constant time. */
class Line {
  readonly priority: number
  front: Task[] = []
  back: Task[] = []
  #head = 0

  constructor(priority: number) {
    this.priority = priority
  }

  get length(): number {
    return this.front.length + this.back.length - this.#head
  }

  peek(): Task | undefined {
    return this.front.at(-1) ?? this.back[this.#head]
  }

  shift(): void {
    if (this.front.length > 0) {
      this.front.pop()
      return
    }
    this.back[this.#head++] = undefined as never
    if (this.#head === this.back.length) {
      this.back.length = 0
      this.#head = 0
    } else if (this.#head >= FEW && this.#head * 2 > this.back.length) {
      this.back = this.back.slice(this.#head)
      this.#head = 0
    }
  }

  clearAway(): void {
    this.front = this.front.filter((task) => task.place === WAITING)
    this.back = this.back.slice(this.#head).filter((task) => task.place === WAITING)
    this.#head = 0
  }
}
