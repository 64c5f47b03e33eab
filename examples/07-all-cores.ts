// A CPU-bound job, first in this process alone, then on all cores.
import { Pool, cpuCount } from 'multiproc'

const LIMIT = 3_000_000
const PARTS = 48

/** How many primes there are from `begin` up to, but not including, `end`. */
function countPrimes(begin: number, end: number): number {
  let count = 0
  for (let n = Math.max(begin, 2); n < end; n++) {
    let prime = n === 2 || n % 2 === 1
    for (let divisor = 3; prime && divisor * divisor <= n; divisor += 2) prime = n % divisor !== 0
    if (prime) count++
  }
  return count
}

/** One line that fills up; without a terminal, a line for each quarter. */
function progress(title: string, done: number): void {
  const percent = Math.floor((done / PARTS) * 100)
  const bar = '#'.repeat(Math.floor(percent / 4)).padEnd(25, '.')
  if (process.stdout.isTTY) process.stdout.write(`\r${title} [${bar}] ${percent} %${done === PARTS ? '\n' : ''}`)
  else if (done % (PARTS / 4) === 0) console.log(`${title} [${bar}] ${percent} %`)
}

const parts = Array.from({ length: PARTS }, (_, part): [number, number] => [(part * LIMIT) / PARTS, ((part + 1) * LIMIT) / PARTS])
const cores = cpuCount()

const aloneFromMs = performance.now()
let alone = 0
for (const [done, part] of parts.entries()) {
  alone += countPrimes(...part)
  progress('one process', done + 1)
}
const aloneMs = performance.now() - aloneFromMs

const pool = new Pool(cores)
await Promise.all(parts.slice(0, cores).map(() => pool.apply(countPrimes, [0, 0]))) // the workers are up
const togetherFromMs = performance.now()
let done = 0
const counts = await Promise.all(
  parts.map((part) => pool.applyAsync(countPrimes, part, { callback: () => progress(`${cores} processes`, ++done) })),
)
const togetherMs = performance.now() - togetherFromMs
const together = counts.reduce((sum, count) => sum + count, 0)
pool.close()
await pool.join()

console.log(`${alone} primes below ${LIMIT}${alone === together ? '' : `, but the pool says ${together}`}`)
console.log(`one process ${seconds(aloneMs)}, ${cores} processes ${seconds(togetherMs)}: ${(aloneMs / togetherMs).toFixed(2)} times as fast`)

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}
