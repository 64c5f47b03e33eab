import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { EOFError } from '../../../src/errors/python.ts'
import { Channel } from '../../../src/ring/channel.ts'

async function until(fact: () => boolean): Promise<void> {
  while (!fact()) await new Promise((resolve) => setTimeout(resolve, 1))
}

describe('Channel', () => {
  it('tries bytes without waiting', () => {
    const [a, b] = Channel.pair({ capacity: 1024 })
    expect(b.tryRecvBytes()).toBeUndefined()
    let sent = 0
    while (a.trySendBytes(Uint8Array.of(sent))) sent++
    expect(sent).toBe(128)
    for (let n = 0; n < sent; n++) expect(b.tryRecvBytes()).toEqual(Buffer.from([n]))
    a.close()
    expect(() => b.tryRecvBytes()).toThrow(EOFError)
    b.close()
  })

  it('calls a listener when a message came, and once more at the end', async () => {
    const [a, b] = Channel.pair()
    const seen: unknown[] = []
    let looks = 0
    let ended = false
    b.listen(() => {
      looks++
      try {
        for (let message = b.tryRecv(); message !== undefined; message = b.tryRecv()) seen.push(message.value)
      } catch (error) {
        expect(error).toBeInstanceOf(EOFError)
        ended = true
      }
    })
    expect(looks).toBe(1)
    a.trySend(1)
    await until(() => seen.length === 1)
    a.trySend(2)
    a.trySend(3)
    await until(() => seen.length === 3)
    a.trySend(4)
    a.close()
    await until(() => ended)
    expect(seen).toEqual([1, 2, 3, 4])
    const after = looks
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(looks).toBe(after)
    b.close()
  })

  it('stops calling a listener that was removed', async () => {
    const [a, b] = Channel.pair()
    let looks = 0
    const remove = b.listen(() => looks++)
    remove()
    remove()
    a.trySend(1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(looks).toBe(1)
    expect(b.tryRecv()).toEqual({ value: 1 })
    a.close()
    b.close()
  })

  it('gives a wake-up of a receive that was aborted to the next', async () => {
    const [a, b] = Channel.pair()
    const stop = new AbortController()
    const first = b.recv({ signal: stop.signal })
    const second = b.recv()
    a.trySend('for the second')
    stop.abort()
    const outcomes = await Promise.allSettled([first, second])
    expect(outcomes.map((each) => each.status)).toContain('fulfilled')
    expect(outcomes.find((each) => each.status === 'fulfilled')).toMatchObject({ value: 'for the second' })
    a.close()
    b.close()
  })

  it('is closed for the other side when it is garbage', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const kept = ((): Channel => Channel.pair()[0])()
    const pending = kept.recv().catch((error: unknown) => error)
    let outcome: unknown
    void pending.then((value) => (outcome = value))
    await until(() => (collect(), outcome !== undefined))
    expect(outcome).toBeInstanceOf(EOFError)
    kept.close()
  })
})
