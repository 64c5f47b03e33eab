/** What does a lock that nobody else wants cost, against the least any lock could cost: one CAS in, one CAS out? */
import { Lock } from '@multiproc/lock'
import type { Contender, Question } from './measure.ts'

function timed(name: string, turn: (times: number) => void, close?: () => void): Contender {
  return {
    name,
    close,
    measure: (times) => {
      const beganMs = performance.now()
      turn(times)
      return performance.now() - beganMs
    },
  }
}

function blocking(): Contender {
  const lock = new Lock()
  return timed('acquireSync + release', (times) => {
    for (let i = 0; i < times; i++) {
      lock.acquireSync()
      lock.release()
    }
  }, () => lock.close())
}

function trying(): Contender {
  const lock = new Lock()
  return timed('tryAcquire + release', (times) => {
    for (let i = 0; i < times; i++) {
      lock.tryAcquire()
      lock.release()
    }
  }, () => lock.close())
}

function bare(): Contender {
  const words = new Int32Array(new SharedArrayBuffer(64))
  return timed('two bare compareExchange', (times) => {
    for (let i = 0; i < times; i++) {
      if (Atomics.compareExchange(words, 0, 0, 1) !== 0) throw new Error('held')
      if (Atomics.compareExchange(words, 0, 1, 0) !== 1) throw new Error('not held')
    }
  })
}

export const lock: readonly Question[] = [
  { title: 'Lock, uncontended pair', unit: 'ns per operation', times: 1_000_000, rounds: 9, contenders: [blocking, trying, bare] },
]
