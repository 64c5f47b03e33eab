/** Calls of a manager's objects: one awaited after the other, pipelined, blocking, by many clients; beside CPython's Manager where there is a python3. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Manager, sync, type DictProxy, type SyncManager } from '@multiproc/manager'
import { Pipe, type Connection } from '@multiproc/pipe'
import { Process } from '@multiproc/process'
import type { Contender, Question } from './measure.ts'

type Counts = DictProxy<string, number>

const inThisProcess = (name: string, turn: (dict: Counts, times: number) => unknown) => async (): Promise<Contender> => {
  const manager = Manager()
  const dict = manager.dict<string, number>([['n', 0]])
  await manager.ready()
  return {
    name,
    close: () => manager.shutdown(),
    measure: async (times) => {
      const beganMs = performance.now()
      await turn(dict, times)
      return performance.now() - beganMs
    },
  }
}

/** Clients that wait for a go, one pipe each; the time is that of all together. */
const inChildren = (name: string, count: number, turn: (dict: Counts, times: number) => Promise<unknown>) => async (): Promise<Contender> => {
  const manager: SyncManager = Manager()
  const dict = manager.dict<string, number>([['n', 0]])
  const children = Array.from({ length: count }, () => {
    const [here, there] = Pipe<number, string>()
    const child = new Process({ target: client, args: [there as Connection<string, number>, dict, turn], daemon: true }).start()
    there.close()
    return { here, child }
  })
  for (const { here } of children) await here.recv()
  return {
    name,
    close: async () => {
      for (const { here } of children) here.close()
      for (const { child } of children) await child.join()
      await manager.shutdown()
    },
    measure: async (times) => {
      const beganMs = performance.now()
      for (const { here } of children) await here.send(Math.ceil(times / count))
      for (const { here } of children) await here.recv()
      return performance.now() - beganMs
    },
  }
}

async function client(there: Connection<string, number>, dict: Counts, turn: (dict: Counts, times: number) => Promise<unknown>): Promise<void> {
  await dict.get('n')
  await there.send('ready')
  for await (const times of there) {
    await turn(dict, times)
    await there.send('done')
  }
}

async function pairs(dict: Counts, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    await dict.set('n', i)
    await dict.get('n')
  }
}

async function pipelined(dict: Counts, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    dict.set('n', i)
    const last = dict.get('n')
    if (i % 1000 === 999 || i === times - 1) await last
  }
}

async function updates(dict: Counts, times: number): Promise<void> {
  const increment = (n = 0): number => n + 1
  for (let i = 0; i < times; i++) await dict.update('n', increment)
}

function blockingGets(dict: Counts, times: number): void {
  const blocking = sync(dict)
  for (let i = 0; i < times; i++) blocking.get('n')
}

/** Does in CPython what is named, as often as a line on its stdin says. */
const inPython = (name: string, what: string) => async (): Promise<Contender | { absent: string }> => {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' })
  } catch {
    return { absent: 'python3 is not installed' }
  }
  const python: ChildProcess = spawn('python3', [fileURLToPath(new URL('./children/manager.py', import.meta.url)), what], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: python.stdout! })[Symbol.asyncIterator]()
  await lines.next()
  return {
    name,
    close: async () => {
      python.stdin!.end()
      await new Promise((resolve) => (python.exitCode === null ? python.once('exit', resolve) : resolve(undefined)))
    },
    measure: async (times) => {
      python.stdin!.write(`${times}\n`)
      return Number((await lines.next()).value)
    },
  }
}

const pipeRoundTrips = async (): Promise<Contender> => {
  const [here, there] = Pipe<number, number>()
  const child = new Process({
    target: (there: Connection<number, number>) => {
      for (;;) {
        const n = there.recvSync()
        if (n < 0) return
        there.sendSync(n)
      }
    },
    args: [there as Connection<number, number>],
    daemon: true,
  }).start()
  there.close()
  return {
    name: 'Pipe, blocking both sides',
    close: async () => {
      here.sendSync(-1)
      await child.join()
      here.close()
    },
    measure: (times) => {
      const beganMs = performance.now()
      for (let i = 0; i < times; i++) {
        here.sendSync(i)
        here.recvSync()
      }
      return performance.now() - beganMs
    },
  }
}

export const manager: readonly Question[] = [
  {
    title: 'Manager, dict: set and get', unit: 'per second', times: 4_000, rounds: 5,
    contenders: [inThisProcess('pipelined', pipelined), inThisProcess('each awaited', pairs), inPython('CPython', 'pairs')],
    targets: [{ against: 'CPython', ratio: 20 }],
  },
  {
    title: 'Manager, dict: set and get, each awaited', unit: 'per second', times: 4_000, rounds: 5,
    contenders: [inThisProcess('multiproc', pairs), inPython('CPython', 'pairs')],
    targets: [{ against: 'CPython', ratio: 2 }],
  },
  {
    title: 'Manager, a counter incremented by 4 processes', unit: 'per second', times: 4_000, rounds: 5,
    contenders: [inChildren('dict.update', 4, updates), inPython('CPython, under a manager lock', 'increments')],
    targets: [{ against: 'CPython, under a manager lock', ratio: 4 }],
  },
  {
    title: 'Manager, blocking get', unit: 'µs per operation', times: 4_000, rounds: 5,
    contenders: [inThisProcess('sync(dict).get()', blockingGets), pipeRoundTrips],
    targets: [{ against: 'Pipe, blocking both sides', ratio: 0.5 }],
  },
  {
    title: 'Manager, many clients: set and get, each awaited', unit: 'per second', times: 6_400, rounds: 3,
    contenders: [inChildren('32 clients', 32, pairs), inChildren('1 client', 1, pairs)],
    targets: [{ against: '1 client', ratio: 1 }],
  },
]
