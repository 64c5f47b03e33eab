import { setTimeout as sleep } from 'node:timers/promises'
import { Event } from '@multiproc/lock'
import { Pipe, wait, waitSync, type Connection } from '@multiproc/pipe'
import { Process } from '@multiproc/process'
import { describe, expect, it } from 'vitest'
import { codeOf, ended, methods, took } from '../support.ts'

const EOF = 'ERR_MULTIPROC_EOF'
const VALUE = 'ERR_MULTIPROC_ARG_VALUE'

const echo = async (there: Connection<unknown, unknown>) => {
  for await (const one of there) {
    if (one === 'bytes') await there.sendBytes(await there.recvBytes())
    else await there.send(one)
  }
}

describe.each(methods)('by %s', (method) => {
  it('cpython: _TestConnection.test_connection — objects and bytes both ways, into a buffer too; too short a buffer keeps the message; poll; 16 MiB; the end', async () => {
    const [here, there] = Pipe<unknown>()
    const child = new Process({ target: echo, args: [there], method }).start()
    there.close()
    expect([here.readable, here.writable, here.closed]).toEqual([true, true, false])
    const list = [1, 2.25, null, { four: [5] }]
    await here.send(list)
    expect(await here.recv()).toEqual(list)
    const bytes = async (given: Uint8Array) => (await here.send('bytes'), here.sendBytes(given))
    await bytes(Buffer.from('hello world'))
    expect(String(await here.recvBytes())).toBe('hello world')
    const target = Buffer.alloc(20)
    await bytes(Buffer.from('latin'))
    expect([await here.recvBytesInto(target, { offset: 3 }), String(target.subarray(0, 9))]).toEqual([5, '\0\0\0latin\0'])
    await bytes(Buffer.alloc(40, 'z'))
    expect(await codeOf(() => here.recvBytesInto(target))).toBe('ERR_MULTIPROC_BUFFER_TOO_SHORT')
    expect((await here.recvBytes()).length).toBe(40)
    expect([await here.poll(), here.pollSync({ timeout: 0 })]).toEqual([false, false])
    expect(await took(async () => expect(await here.poll({ timeout: 100 })).toBe(false))).toBeGreaterThan(90)
    await here.send(null)
    expect([await here.poll({ timeout: 60_000 }), await here.recv()]).toEqual([true, null])
    const large = Buffer.alloc(16 << 20, 'X')
    const [, back] = await Promise.all([bytes(large), here.recvBytes()])
    expect(back.equals(large)).toBe(true)
    here.close()
    expect(await codeOf(() => here.recv())).toBe('ERR_MULTIPROC_CLOSED')
    await ended([child])
  })

  it('cpython: _TestConnection.test_spawn_close — the parent may close its copy right after the start', async () => {
    const [here, there] = Pipe<unknown>()
    const child = new Process({ target: echo, args: [there], method }).start()
    there.close()
    await here.send('hello')
    expect(await here.recv()).toBe('hello')
    here.close()
    await ended([child])
  })

  it('cpython: _TestPoll.test_empty_string — an empty message makes poll true, again and again, until it is read', async () => {
    const [here, there] = Pipe()
    const child = new Process({ target: (there: Connection) => there.sendBytes(new Uint8Array()), args: [there], method }).start()
    there.close()
    expect([await here.poll({ timeout: 60_000 }), await here.poll(), here.pollSync()]).toEqual([true, true, true])
    expect((await here.recvBytes()).length).toBe(0)
    await ended([child])
    here.close()
  })

  it('cpython: _TestPoll.test_strings — messages, empty ones among them, arrive in order in a loop of polls', async () => {
    const strings = ['hello', '', 'a', 'b', '', 'bye', '', 'lop']
    const [here, there] = Pipe()
    const send = async (there: Connection, strings: string[]) => {
      for (const one of strings) await there.sendBytes(Buffer.from(one))
    }
    const child = new Process({ target: send, args: [there, strings], method }).start()
    there.close()
    for (const one of strings) {
      while (!(await here.poll({ timeout: 10 })));
      expect(String(await here.recvBytes())).toBe(one)
    }
    await ended([child])
    here.close()
  })

  it('cpython: _TestPoll.test_boundaries — one who only polls takes nothing of a message', async () => {
    const [here, there] = Pipe({ duplex: false })
    const look = async (here: Connection) => (await here.poll({ timeout: 60_000 })) && (await here.poll())
    const child = new Process({ target: look, args: [here], method }).start()
    await there.sendBytes(Buffer.from('messages'))
    expect(await child.result()).toBe(true)
    expect(String(await here.recvBytes())).toBe('messages')
    for (const one of [here, there]) one.close()
  })

  it('cpython: _TestPicklingConnections.test_access — the ends of a one-way pipe keep their direction in a child', async () => {
    const [reader, writer] = Pipe<unknown>({ duplex: false })
    const target = async (there: Connection<unknown, any>) => {
      const end = await there.recv()
      if (end.readable) await there.send([end.writable, await end.recv()])
      else await end.send(['from the child', end.readable])
    }
    const [here, there] = Pipe<unknown>()
    const children = [target, target].map((target) => new Process({ target, args: [there], method }).start())
    await here.send(writer)
    expect(await reader.recv()).toEqual(['from the child', false])
    await here.send(reader)
    await writer.send('to the child')
    expect(await here.recv()).toEqual([false, 'to the child'])
    await ended(children)
    for (const one of [reader, writer, here, there]) one.close()
  })

  it('cpython: TestWait.test_wait — what four writers send is gathered; the end of each is seen', async () => {
    await gathered(method, 0)
  })

  it('cpython: TestWait.test_wait_slow — the same when they take their time', async () => {
    await gathered(method, 8)
  })

  it('cpython: TestWait.test_wait_integer — a sentinel and connections, one and several ready at once', async () => {
    const [here, there] = Pipe()
    using goOn = new Event()
    const child = new Process({ target: (goOn: Event) => goOn.wait(), args: [goOn], method }).start()
    const { sentinel } = child
    const some = [here, sentinel]
    expect(await wait(some, { timeout: 0 })).toEqual([])
    goOn.set()
    expect(await wait(some)).toEqual([sentinel])
    await there.send(1)
    expect((await wait(some)).length).toBe(2)
    expect(await wait([here])).toEqual([here])
    for (const end of [here, there]) end.close()
  })

  it('cpython: _TestPollEintr.test_poll_eintr — a signal that is handled meanwhile does not end a blocking join', async () => {
    let signals = 0
    const count = () => void signals++
    process.on('SIGUSR2', count)
    const kill = async (pid: number) => {
      for (let i = 0; i < 3; i++) {
        process.kill(pid, 'SIGUSR2')
        await new Promise((resolve) => setTimeout(resolve, 30))
      }
    }
    const child = new Process({ target: kill, args: [process.pid], method }).start()
    expect([child.joinSync(), child.exitCode]).toEqual([true, 0])
    await sleep(10)
    expect(signals).toBeGreaterThan(0)
    process.off('SIGUSR2', count)
  })
})

async function gathered(method: (typeof methods)[number], pauseMs: number): Promise<void> {
  const write = async (there: Connection, id: number, pauseMs: number) => {
    for (let i = 0; i < 10; i++) {
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * pauseMs))
      await there.send([i, id])
    }
  }
  const readers = new Set<Connection<never, [number, number]>>()
  const children = [0, 1, 2, 3].map((id) => {
    const [here, there] = Pipe<[number, number]>({ duplex: false })
    readers.add(here)
    const child = new Process({ target: write, args: [there, id, pauseMs], method }).start()
    there.close()
    return child
  })
  const messages: [number, number][] = []
  while (readers.size > 0) {
    for (const reader of await wait(readers)) {
      try {
        messages.push(await reader.recv())
      } catch (error) {
        expect(error).toMatchObject({ code: EOF })
        readers.delete(reader)
        reader.close()
      }
    }
  }
  messages.sort(([i, p], [j, q]) => i - j || p - q)
  expect(messages).toEqual(Array.from({ length: 40 }, (_, n) => [Math.floor(n / 4), n % 4]))
  await ended(children)
}

it('cpython: _TestConnection.test_duplex_false — one end reads, the other writes; the other way is refused', async () => {
  const [reader, writer] = Pipe<number>({ duplex: false })
  expect([reader.readable, reader.writable, writer.readable, writer.writable]).toEqual([true, false, false, true])
  await writer.send(1)
  expect(await reader.recv()).toBe(1)
  expect(await codeOf(() => (reader as Connection).send(1))).not.toBe(undefined)
  expect(await codeOf(() => (writer as Connection<number, number>).recv())).not.toBe(undefined)
  expect(await codeOf(() => (writer as Connection<number, number>).poll())).not.toBe(undefined)
  for (const end of [reader, writer]) end.close()
})

it('cpython: _TestConnection.test_sendbytes — a part of a buffer, and everything outside of it refused', async () => {
  const [here, there] = Pipe()
  const letters = Buffer.from('abcdefghijklmnopqrstuvwxyz')
  const parts: [{ offset?: number; size?: number }, string][] = [[{}, String(letters)], [{ offset: 7 }, 'hijklmnopqrstuvwxyz'], [{ offset: 11, size: 5 }, 'lmnop'], [{ offset: 26 }, ''], [{ offset: 26, size: 0 }, ''], [{ offset: 0, size: 3 }, 'abc']]
  for (const [range, expected] of parts) {
    await here.sendBytes(letters, range)
    expect(String(await there.recvBytes())).toBe(expected)
  }
  for (const range of [{ offset: 27 }, { offset: 22, size: 5 }, { offset: 26, size: 1 }, { offset: -1 }, { size: -1 }, { offset: 4, size: -1 }]) {
    expect(await codeOf(() => here.sendBytes(letters, range))).toBe(VALUE)
    expect(await codeOf(() => here.sendBytesSync(letters, range))).toBe(VALUE)
  }
  expect(await there.poll()).toBe(false)
  for (const end of [here, there]) end.close()
})

it('cpython: _TestConnection.test_context — both ends of a block are closed after it', async () => {
  let kept: Connection[] = []
  {
    using here = Pipe()[0]
    const pair = Pipe<number>()
    using a = pair[0]
    using b = pair[1]
    await a.send(1729)
    expect([await b.recv(), here.closed]).toEqual([1729, false])
    kept = [here, a, b]
  }
  expect(kept.map(({ closed }) => closed)).toEqual([true, true, true])
  expect(await codeOf(() => kept[2]!.recv())).toBe('ERR_MULTIPROC_CLOSED')
})

it('cpython: _TestConnection.test_wait_empty — waiting for nothing takes its time and gives nothing', async () => {
  expect(await took(async () => expect(await wait([], { timeout: 100 })).toEqual([]))).toBeGreaterThan(90)
  expect(await took(() => expect(waitSync([], { timeout: 100 })).toEqual([]))).toBeGreaterThan(90)
})

it('cpython: _TestPoll.test_dont_merge — three messages stay three, and poll stays true between them', async () => {
  const [here, there] = Pipe<string>()
  expect(await here.poll()).toBe(false)
  for (const one of ['a', 'b', 'cd']) await there.sendBytes(Buffer.from(one))
  for (const one of ['a', 'b', 'cd']) {
    expect([await here.poll(), await here.poll(), String(await here.recvBytes())]).toEqual([true, true, one])
  }
  expect(await here.poll()).toBe(false)
  for (const end of [here, there]) end.close()
})

it('cpython: TestWait.test_wait_timeout — nothing ready: nothing after the time; then only what is', async () => {
  const [[a, b], [c, d]] = [Pipe<number>(), Pipe<number>()]
  expect(await took(async () => expect(await wait([a, c], { timeout: 150 })).toEqual([]))).toBeGreaterThan(140)
  await b.send(1)
  expect(await wait([a, c], { timeout: 20_000 })).toEqual([a])
  for (const end of [a, b, c, d]) end.close()
})

it('cpython: TestWait.test_neg_timeout — no time is one look; less than none is refused', async () => {
  const [a, b] = Pipe<number>()
  expect([await wait([a], { timeout: 0 }), waitSync([a], { timeout: 0 })]).toEqual([[], []])
  expect(await codeOf(() => wait([a], { timeout: -1 }))).toBe(VALUE)
  for (const end of [a, b]) end.close()
})

it('cpython: TestTimeouts.test_timeout — a receive that finds nothing for long still gets what comes', async () => {
  const [here, there] = Pipe<number>()
  const child = new Process({ target: (there: Connection) => new Promise((resolve) => setTimeout(() => resolve(there.send(123)), 400)), args: [there] }).start()
  expect(here.recvSync()).toBe(123)
  await ended([child])
  for (const end of [here, there]) end.close()
})

it('cpython: TestIgnoreEINTR.test_ignore — signals during a blocking receive and a send into a full pipe do no harm', async () => {
  const [here, there] = Pipe<unknown>()
  // More records than fit, so that the sender is blocked when the second signal comes.
  const records = 8_000
  const target = (there: Connection<unknown, unknown>, records: number) => {
    process.on('SIGUSR2', () => {})
    there.sendSync('ready')
    there.sendSync(there.recvSync())
    for (let i = 0; i < records; i++) there.sendBytesSync(Buffer.alloc(1024, i))
  }
  const child = new Process({ target, args: [there, records] }).start()
  const signal = async () => (await sleep(50), process.kill(child.pid!, 'SIGUSR2'))
  expect(await here.recv()).toBe('ready')
  await signal()
  await here.send(1234)
  expect(await here.recv()).toBe(1234)
  await signal()
  for (let i = 0; i < records; i++) expect((await here.recvBytes())[1023]).toBe(i & 0xff)
  await child.join()
  expect(child.exitCode).toBe(0)
  for (const end of [here, there]) end.close()
})
