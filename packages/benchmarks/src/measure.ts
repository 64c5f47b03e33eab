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

export interface Question {
  readonly title: string
  /** `per operation`: time of one, lower is better; `rate`: how many in a second, higher is better. */
  readonly unit: 'ns per operation' | 'µs per operation' | 'per second'
  readonly times: number
  readonly rounds: number
  /** The first contender is what the others are held against. */
  readonly contenders: readonly (() => Promise<Contender> | Contender)[]
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
  readonly question: Question
  readonly rows: readonly Row[]
}

export async function answer(question: Question): Promise<Answer> {
  const contenders: Contender[] = []
  try {
    for (const open of question.contenders) contenders.push(await open())
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
      const ratio = question.unit === 'per second' ? first / middle : middle / first
      return { name, median: middle, min: Math.min(...own), max: Math.max(...own), ratio }
    })
    return { question, rows }
  } finally {
    for (const contender of contenders) await contender.close?.()
  }
}

function figureOf({ unit, times }: Question, ms: number): number {
  if (unit === 'per second') return (times / ms) * 1000
  return (ms / times) * (unit === 'ns per operation' ? 1e6 : 1e3)
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
