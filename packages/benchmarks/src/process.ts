/** What does it cost to start a child, run a trivial function and join it, against Node's own ways, and what does it weigh? */
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { Process, type StartMethod } from '@multiproc/process'
import type { Absent, Contender, Question } from './measure.ts'

const empty = fileURLToPath(new URL('children/empty.js', import.meta.url))
/** A spare that was handed out is replaced in this time, so that each start finds one. */
const REFILL_MS = 300

function trivial(): number {
  return 1
}

/** `pauseMs` between two starts is not counted. */
function timed(name: string, once: () => Promise<unknown>, pauseMs = 0): Contender {
  return {
    name,
    async measure(times) {
      let tookMs = 0
      for (let i = 0; i < times; i++) {
        if (pauseMs > 0) await sleep(pauseMs)
        const beganMs = performance.now()
        await once()
        tookMs += performance.now() - beganMs
      }
      return tookMs
    },
  }
}

const started = (method: StartMethod, pauseMs = 0, daemon = false) => () =>
  timed(`Process, ${method}${daemon ? ', daemon' : ''}`, () => new Process({ target: trivial, method, daemon }).start().join(), pauseMs)
const forked = () => timed('child_process.fork of an empty file', () => once(fork(empty), 'exit'))
const bareWorker = () => timed('new Worker of an empty file', () => once(new Worker(empty), 'exit'))

/** MiB that a process adds to the machine: pages shared with others are divided among them. */
async function weight(name: string, open: () => Promise<{ pid: number; end: () => Promise<unknown> }>): Promise<Contender | Absent> {
  if (process.platform !== 'linux') return { absent: `${name}: the kernel tells the PSS on Linux only` }
  return {
    name,
    async measure(times) {
      let total = 0
      for (let i = 0; i < times; i++) {
        const { pid, end } = await open()
        total += Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) / 1024
        await end()
      }
      return total
    },
  }
}

async function idleChild(): Promise<{ pid: number; end: () => Promise<unknown> }> {
  const child = new Process({ target: () => (console.log('idle'), setInterval(() => {}, 1000)), stdio: ['ignore', 'pipe', 'inherit'] }).start()
  await once(child.stdout!, 'data')
  return { pid: child.pid!, end: () => (child.kill(), child.join()) }
}

async function idleNode(): Promise<{ pid: number; end: () => Promise<unknown> }> {
  const child = spawn(process.execPath, [empty, 'idle'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  await once(child.stdout, 'data')
  return { pid: child.pid!, end: () => (child.kill('SIGKILL'), ended) }
}

export const starts: readonly Question[] = [
  { title: 'Start, run, join: spawn', unit: 'ms per operation', times: 3, rounds: 9, contenders: [started('spawn'), started('spawn', 0, true), forked] },
  { title: 'Start, run, join: prefork, a spare being there', unit: 'ms per operation', times: 2, rounds: 7, contenders: [started('prefork', REFILL_MS), forked] },
  { title: 'Start, run, join: thread', unit: 'ms per operation', times: 4, rounds: 9, contenders: [started('thread'), bareWorker] },
  { title: 'Memory of an idle child (PSS)', unit: 'MiB', times: 1, rounds: 3, contenders: [() => weight('Process, spawn', idleChild), () => weight('Node, empty file', idleNode)] },
]
