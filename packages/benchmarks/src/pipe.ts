/** Round trips and one-way rate of small objects between two processes: Pipe, process.send, JSON lines on a unix socket. */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Pipe, type Connection } from '@multiproc/pipe'
import { Process } from '@multiproc/process'
import { echo } from './children/echo.ts'
import { readLines } from './children/json-lines.ts'
import type { Contender, Question } from './measure.ts'

/** One small message. `{ expect: n }` tells the child to swallow n messages and then say so once. */
const MESSAGE = { id: 1, name: 'abc', ok: true }

/** What all three carriers do; `turn` is a round trip or a one-way burst. */
interface Carrier {
  readonly name: string
  send(message: unknown): unknown
  next(): Promise<unknown>
  close(): Promise<void>
}

function roundTrips(open: () => Promise<Carrier>) {
  return contender(open, async (carrier, times) => {
    for (let i = 0; i < times; i++) {
      await carrier.send(MESSAGE)
      await carrier.next()
    }
  })
}

function oneWay(open: () => Promise<Carrier>) {
  return contender(open, async (carrier, times) => {
    await carrier.send({ expect: times })
    for (let i = 0; i < times; i++) {
      // A carrier that pushes back is waited for; the others buffer without bound.
      const sent = carrier.send(MESSAGE)
      if (sent instanceof Promise) await sent
    }
    await carrier.next()
  })
}

function contender(open: () => Promise<Carrier>, turn: (carrier: Carrier, times: number) => Promise<void>) {
  return async (): Promise<Contender> => {
    const carrier = await open()
    return {
      name: carrier.name,
      close: () => carrier.close(),
      measure: async (times) => {
        const beganMs = performance.now()
        await turn(carrier, times)
        return performance.now() - beganMs
      },
    }
  }
}

async function viaPipe(): Promise<Carrier> {
  const [here, there] = Pipe<unknown, unknown>()
  const child = new Process({ target: echo, args: [there as Connection], daemon: true })
  child.start()
  there.close()
  return {
    name: 'Pipe',
    send: (message) => (here.trySend(message) ? undefined : here.send(message)),
    next: () => here.recv(),
    close: async () => {
      here.close()
      await child.join()
    },
  }
}

async function viaIpc(): Promise<Carrier> {
  const child = fork(fileURLToPath(new URL('./children/ipc-echo.ts', import.meta.url)))
  const arrived = mailbox()
  child.on('message', arrived.put)
  return { name: 'process.send', send: (message) => void child.send(message as object), next: arrived.next, close: () => end(child) }
}

async function viaSocket(): Promise<Carrier> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  const path = join(folder, 'socket')
  const server = createServer().listen(path)
  await once(server, 'listening')
  const child = spawn(process.execPath, [fileURLToPath(new URL('./children/socket-echo.ts', import.meta.url)), path], { stdio: 'inherit' })
  const [socket] = (await once(server, 'connection')) as [Socket]
  server.close()
  const arrived = mailbox()
  readLines(socket, arrived.put)
  return {
    name: 'unix socket, JSON lines',
    send: (message) => void socket.write(`${JSON.stringify(message)}\n`),
    next: arrived.next,
    close: async () => {
      socket.destroy()
      await end(child)
      rmSync(folder, { recursive: true })
    },
  }
}

/** Messages that arrive by callback, taken one by one. */
function mailbox() {
  const waiting: unknown[] = []
  let taker: ((message: unknown) => void) | undefined
  return {
    put: (message: unknown): void => {
      const take = taker
      taker = undefined
      if (take) take(message)
      else waiting.push(message)
    },
    next: () => new Promise<unknown>((resolve) => (waiting.length > 0 ? resolve(waiting.shift()) : (taker = resolve))),
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

const carriers = [viaPipe, viaIpc, viaSocket]

export const pipe: readonly Question[] = [
  { title: 'Pipe, async round trip', unit: 'µs per operation', times: 5_000, rounds: 7, contenders: carriers.map(roundTrips) },
  { title: 'Pipe, one way, small objects', unit: 'per second', times: 50_000, rounds: 7, contenders: carriers.map(oneWay) },
]
