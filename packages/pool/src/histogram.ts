/** Buckets for each power of two: a percentile is at most an eighth too high. */
const STEPS = 8

/** How long something took, in summary. All in milliseconds. */
export interface Latency {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

/** Counts durations in buckets that grow with them: a few hundred numbers, however many durations. */
export class Histogram {
  readonly #buckets = new Float64Array(32 * STEPS)
  #count = 0
  #sum = 0
  #max = 0

  add(microseconds: number): void {
    const whole = microseconds < 1 ? 1 : microseconds > 0x7fffffff ? 0x7fffffff : microseconds | 0
    this.#buckets[bucketOf(whole)]! += 1
    this.#count += 1
    this.#sum += microseconds
    if (microseconds > this.#max) this.#max = microseconds
  }

  summary(): Latency {
    const at = (share: number): number => this.#percentile(share) / 1000
    return { count: this.#count, mean: this.#count === 0 ? 0 : this.#sum / this.#count / 1000, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: this.#max / 1000 }
  }

  #percentile(share: number): number {
    let left = Math.ceil(this.#count * share)
    if (left === 0) return 0
    for (const [bucket, count] of this.#buckets.entries()) {
      left -= count
      if (left <= 0) return Math.min(this.#max, upperEndOf(bucket))
    }
    return this.#max
  }
}

function bucketOf(microseconds: number): number {
  const power = 31 - Math.clz32(microseconds)
  return power * STEPS + (power >= 3 ? (microseconds >> (power - 3)) & 7 : (microseconds << (3 - power)) & 7)
}

function upperEndOf(bucket: number): number {
  const power = Math.floor(bucket / STEPS)
  return 2 ** power * (1 + ((bucket % STEPS) + 1) / STEPS)
}
