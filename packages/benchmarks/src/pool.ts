/** Twenty thousand tiny tasks, all submitted at once, on two workers: our Pool, piscina, and what people write by hand. */
import { fork, type ChildProcess } from 'node:child_process'
import cluster from 'node:cluster'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Pool } from '@multiproc/pool'
import { Piscina } from 'piscina'
import { add } from './children/tasks.ts'
import type { Contender, Question } from './measure.ts'

const WORKERS = 2
/** Tasks in flight at one hand-rolled worker; without a window it is several times slower. */
const WINDOW = 32

function contender(name: string, run: (a: number, b: number) => PromiseLike<number>, close: () => Promise<unknown>): Contender {
  return {
    name,
    close,
    measure: async (times) => {
      const beganMs = performance.now()
      const results = await Promise.all(Array.from({ length: times }, (_, index) => run(index, 1)))
      if (results.at(-1) !== times) throw new Error(`${name} computed ${results.at(-1)} instead of ${times}`)
      return performance.now() - beganMs
    },
  }
}

function ours(): Contender {
  const pool = new Pool(WORKERS)
  return contender('Pool', (a, b) => pool.apply(add, [a, b]), () => pool.terminate())
}

function piscina(title: string, concurrentTasksPerWorker: number) {
  return (): Contender => {
    const filename = fileURLToPath(new URL('./children/tasks.ts', import.meta.url))
    const threads = new Piscina({ filename, minThreads: WORKERS, maxThreads: WORKERS, concurrentTasksPerWorker })
    return contender(title, (a, b) => threads.run({ a, b }, { name: 'addPair' }), () => threads.destroy())
  }
}

function forked(): Contender {
  const children = Array.from({ length: WORKERS }, () => fork(taskServer(), { execArgv: [] }))
  return handRolled(`fork, window of ${WINDOW}`, children, children)
}

function clustered(): Contender {
  cluster.setupPrimary({ exec: taskServer(), execArgv: [] })
  const workers = Array.from({ length: WORKERS }, () => cluster.fork())
  return handRolled(`cluster, window of ${WINDOW}`, workers, workers.map((worker) => worker.process))
}

interface Peer {
  send(message: object): unknown
  on(event: 'message', told: (message: any) => void): unknown
}

/** Round robin over the workers that have room; what finds none waits in line. */
function handRolled(name: string, peers: Peer[], processes: ChildProcess[]): Contender {
  const pending = new Map<number, (result: number) => void>()
  const line: object[] = []
  const load = peers.map(() => 0)
  let turn = 0
  let lastId = 0
  let head = 0

  const pump = (): void => {
    while (head < line.length) {
      const free = peers.findIndex((_, offset) => load[(turn + offset) % peers.length]! < WINDOW)
      if (free < 0) return
      const chosen = (turn + free) % peers.length
      turn = chosen + 1
      load[chosen]!++
      peers[chosen]!.send(line[head++]!)
    }
    line.length = head = 0
  }
  for (const [index, peer] of peers.entries()) {
    peer.on('message', ({ id, result }: { id: number; result: number }) => {
      load[index]!--
      pending.get(id)!(result)
      pending.delete(id)
      pump()
    })
  }
  const run = (a: number, b: number) =>
    new Promise<number>((resolve) => {
      pending.set(++lastId, resolve)
      line.push({ id: lastId, a, b })
      pump()
    })
  return contender(name, run, async () => {
    for (const child of processes) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  })
}

function taskServer(): string {
  return fileURLToPath(new URL('./children/task-server.ts', import.meta.url))
}

export const pool: readonly Question[] = [
  {
    title: 'Pool, 20,000 tiny tasks on two workers',
    unit: 'per second',
    times: 20_000,
    rounds: 5,
    contenders: [ours, piscina('piscina', 1), piscina('piscina, 32 tasks a worker', 32), forked, clustered],
  },
]
