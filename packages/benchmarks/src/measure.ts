/**
 * Compares ways of doing the same thing on a shared, noisy machine. Absolute figures vary by two from minute to minute,
 * so all contenders take turns within one run, and what is worth reading is the ratio of their medians.
 */
export interface Contender {
  readonly name: string
  /** Does the thing `times` times; resolves to the milliseconds it took, set-up excluded. */
  measure(times: number): Promise<number> | number
  close?(): Promise<unknown> | void
}

/** A contender that cannot take part on this machine; the reason is printed in its place. */
export interface Absent {
  readonly absent: string
}

/** What the project promises: the first contender's advantage over this peer is at least `ratio`. */
export interface Target {
  readonly against: string
  readonly ratio: number
}

/** `per operation`: what one costs, lower is better; `per second`: how many there are, higher is better. */
export type Unit = 'ns per operation' | 'µs per operation' | 'ms per operation' | 'MiB' | 'per second' | 'GB per second'

export interface Question {
  readonly title: string
  readonly unit: Unit
  readonly times: number
  readonly rounds: number
  /** For `GB per second`: how many bytes one operation moves. */
  readonly bytes?: number
  /** The first contender is what the others are held against. */
  readonly contenders: readonly (() => Promise<Contender | Absent> | Contender | Absent)[]
  readonly targets?: readonly Target[]
  /** Asked a second time with all processes on one core, where spinning helps nobody. */
  readonly pinned?: boolean
}

export interface Row {
  readonly name: string
  readonly median: number
  readonly min: number
  readonly max: number
  /** The first contender's advantage over this one: above 1, the first is better. */
  readonly ratio: number
}

export interface Answer {
  readonly title: string
  readonly unit: Unit
  readonly rows: readonly Row[]
  readonly absent: readonly string[]
  readonly targets: readonly Target[]
}

export function higherIsBetter(unit: Unit): boolean {
  return unit === 'per second' || unit === 'GB per second'
}

export async function answer(question: Question): Promise<Answer> {
  const contenders: Contender[] = []
  const absent: string[] = []
  try {
    for (const open of question.contenders) {
      const contender = await open()
      if ('absent' in contender) absent.push(contender.absent)
      else contenders.push(contender)
    }
    const figures = contenders.map((): number[] => [])
    // The first round warms up the compilers and is thrown away.
    for (let round = 0; round <= question.rounds; round++) {
      for (const [index, contender] of contenders.entries()) {
        const ms = await contender.measure(question.times)
        if (round > 0) figures[index]!.push(figureOf(question, ms))
      }
    }
    const first = median(figures[0]!)
    const rows = contenders.map(({ name }, index): Row => {
      const own = figures[index]!
      const middle = median(own)
      const ratio = higherIsBetter(question.unit) ? first / middle : middle / first
      return { name, median: middle, min: Math.min(...own), max: Math.max(...own), ratio }
    })
    return { title: question.title, unit: question.unit, rows, absent, targets: question.targets ?? [] }
  } finally {
    for (const contender of contenders) await contender.close?.()
  }
}

/** The same question in a moment: it shows that the programs run, not how fast they are. */
export function quick(question: Question): Question {
  return { ...question, times: Math.max(1, Math.ceil(question.times / 50)), rounds: 1 }
}

function figureOf({ unit, times, bytes = 0 }: Question, ms: number): number {
  switch (unit) {
    case 'per second':
      return (times / ms) * 1000
    case 'GB per second':
      return (times * bytes) / ms / 1e6
    case 'ns per operation':
      return (ms / times) * 1e6
    case 'µs per operation':
      return (ms / times) * 1e3
    case 'ms per operation':
      return ms / times
    // A contender that measures memory gives MiB instead of milliseconds.
    case 'MiB':
      return ms
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
