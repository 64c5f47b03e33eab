/**
 * Producers and consumers, processes of which random ones are killed at random moments. Each writes what it
 * put (acknowledged) or got into a file of its own, which survives its death. Then:
 * - nothing acknowledged is lost: each item was got by somebody. A killed `get` may have had one in its hands that it
 *   did not come to write down; a killed lease may not;
 * - nothing arrives twice, but for the lease of a consumer that was killed after it wrote the item down;
 * - each consumer saw each producer's items in order, but for those that come back from a dead one.
 */
import { mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Process, Queue, ShutDown } from 'multiproc'
import { campaign, type Campaign } from './report.ts'

type Item = [producer: number, number: number, ballast: string]
type Way = 'get' | 'getSync' | 'getMany' | 'lease'

const PRODUCERS = 3
const CONSUMERS = 3
const RECORD_BYTES = 8
/** Longer than an inline item may be. */
const LONG_ITEM = 20_000
/** `getMany` has so many in its hands. */
const BATCH = 4

async function produce(queue: Queue<Item>, file: string, producer: number, items: number, sync: boolean): Promise<void> {
  const log = openSync(file, 'a')
  for (let number = 1; number <= items; number++) {
    const item: Item = [producer, number, number % 50 === 0 ? 'x'.repeat(LONG_ITEM) : 'ballast'.repeat(number % 7)]
    if (sync) queue.putSync(item)
    else await queue.put(item)
    writeSync(log, record(producer, number))
  }
}

async function consume(queue: Queue<Item>, file: string, way: Way): Promise<void> {
  const log = openSync(file, 'a')
  const keep = ([producer, number]: Item): number => writeSync(log, record(producer, number))
  try {
    for (;;) {
      if (way === 'get') keep(await queue.get())
      else if (way === 'getSync') keep(queue.getSync())
      else if (way === 'getMany') (await queue.getMany(BATCH)).forEach(keep)
      else {
        const lease = await queue.lease()
        keep(lease.item)
        lease.done()
      }
    }
  } catch (error) {
    if (!(error instanceof ShutDown)) throw error
  }
}

function record(producer: number, number: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(producer, number).buffer)
}

function recordsOf(file: string): { producer: number; number: number }[] {
  const bytes = readFileSync(file, { flag: 'a+' })
  const words = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length - (bytes.length % RECORD_BYTES)))
  return Array.from({ length: words.length / 2 }, (_, at) => ({ producer: words[2 * at]!, number: words[2 * at + 1]! }))
}

interface Member {
  readonly file: string
  readonly child: Process
  readonly way: Way | undefined
  killed: boolean
}

async function round(run: Campaign, folder: string, number: number): Promise<void> {
  const queue = new Queue<Item>([{}, { maxSize: 10 }, { maxBytes: 50_000 }][run.integer(0, 2)])
  const way = (['get', 'getSync', 'getMany', 'lease'] as const)[run.integer(0, 3)]!
  const start = (name: string, way: Way | undefined, target: any, args: (file: string) => unknown[]): Member => {
    const file = join(folder, `${number}-${name}`)
    const child = new Process({ target, args: args(file) as never, name })
    child.start()
    return { file, child, way, killed: false }
  }
  const producers = Array.from({ length: PRODUCERS }, (_, at) =>
    start(`producer-${at}`, undefined, produce, (file) => [queue, file, at + 1, run.integer(100, 3000), run.random() < 0.5]))
  const consumers = Array.from({ length: CONSUMERS }, (_, at) => start(`consumer-${at}`, way, consume, (file) => [queue, file, way]))

  await sleep(run.integer(0, 200))
  for (const member of shuffled(run, [...producers, ...consumers]).slice(0, run.integer(1, 4))) {
    if (member.child.isAlive()) {
      member.child.kill()
      member.killed = true
      run.killed()
    }
    await sleep(run.integer(0, 40))
  }
  // With a limit, and without a consumer, nobody would make room.
  const last = start('consumer-last', way, consume, (file) => [queue, file, way])
  consumers.push(last)
  for (const { child } of producers) await run.mustCome(`the end of ${child.name}`, child.join())
  queue.shutdown()
  for (const { child } of consumers) await run.mustCome(`the end of ${child.name}`, child.join())
  // What a consumer that was killed last had in its hands.
  await consume(queue, join(folder, `${number}-main`), way)
  check(run, number, way, producers, consumers, join(folder, `${number}-main`))
  for (const { child, killed } of [...producers, ...consumers]) {
    if (!killed && child.exitCode !== 0) run.violation(`round ${number}: ${child.name} ended with ${child.exitCode}`)
  }
  queue.close()
}

function check(run: Campaign, round: number, way: Way, producers: Member[], consumers: Member[], mainFile: string): void {
  const times = new Map<string, number>()
  const deadConsumers = consumers.filter(({ killed }) => killed).length
  let backwards = 0
  for (const file of [...consumers.map(({ file }) => file), mainFile]) {
    const last = new Map<number, number>()
    for (const { producer, number } of recordsOf(file)) {
      const name = `${producer}:${number}`
      times.set(name, (times.get(name) ?? 0) + 1)
      if (number <= (last.get(producer) ?? 0)) backwards += 1
      else last.set(producer, number)
    }
  }
  let missing = 0
  for (const { file } of producers) {
    for (const { producer, number } of recordsOf(file)) {
      run.count('acknowledged')
      if (!times.has(`${producer}:${number}`)) missing += 1
    }
  }
  const twice = [...times.values()].filter((count) => count > 1).length
  const inHands = deadConsumers * (way === 'getMany' ? BATCH : 1)
  run.count('got', times.size)
  run.count('again', twice)
  if (missing > (way === 'lease' ? 0 : inHands)) {
    run.count('lost', missing)
    run.violation(`round ${round}, ${way}: ${missing} acknowledged items were never got; ${deadConsumers} consumers were killed`)
  }
  if (twice > (way === 'lease' ? deadConsumers : 0)) run.violation(`round ${round}, ${way}: ${twice} items came twice`)
  if (backwards > inHands) run.violation(`round ${round}, ${way}: ${backwards} items came out of order; ${deadConsumers} consumers were killed`)
}

function shuffled<T>(run: Campaign, items: T[]): T[] {
  return items.map((item) => ({ item, key: run.random() })).sort((a, b) => a.key - b.key).map(({ item }) => item)
}

await campaign({ kills: 100, seconds: 300 }, async (run) => {
  const folder = mkdtempSync(join(tmpdir(), 'q-'))
  try {
    for (let number = 1; !run.isOver; number++) {
      await round(run, folder, number)
      run.count('rounds')
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
