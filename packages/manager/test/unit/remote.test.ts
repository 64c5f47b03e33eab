import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Channel, frameHeader } from '@multiproc/core'
import { eventually } from '@multiproc/testing'
import { AuthenticationError, BaseManager, copy, sameReferent, ServerLostError, sync, SyncManager, type ManagerOptions, type ManagerServer } from '../../src/index.ts'
import { CALL, CREATE, HELLO, requestFrame } from '../../src/protocol.ts'

class Account {
  balance = 0
  deposit(amount: number): number {
    if (amount < 0) throw new RangeError('negative')
    return (this.balance += amount)
  }
  *steps(): Generator<number> {
    yield 1
    yield 2
  }
  child(): Account {
    return new Account()
  }
  handle(): unknown {
    return { deep: [Channel.pair()[0]] }
  }
}

class Bank extends SyncManager.register('account', Account, { returns: { child: 'account' } }) {}
/** As a program knows it that has not the class. */
class BankClient extends SyncManager {}
BankClient.register('account')

let server: ManagerServer
let stop: AbortController
let serving: Promise<void>

async function serve(options: ManagerOptions = {}): Promise<NonNullable<ManagerServer['address']>> {
  stop = new AbortController()
  server = new Bank({ address: { port: 0 }, authKey: 'key', ...options }).getServer()
  serving = server.serveForever({ signal: stop.signal })
  serving.catch(() => {})
  await eventually('it listens', () => server.address !== undefined)
  return server.address!
}

async function client(options: ManagerOptions = {}): Promise<any> {
  return BankClient.connect({ address: server.address!, authKey: 'key', ...options })
}

beforeEach(() => serve())
afterEach(async () => {
  stop.abort()
  await serving
})

describe('a client elsewhere', () => {
  it('uses all types as one at home does, pipelined and in order', async () => {
    const manager = await client()
    expect(manager.pid).toBe(process.pid)
    const dict = manager.dict([[1, 'one']])
    dict.set('1', 'text')
    expect([await dict.get(1), await dict.get('1'), await dict.size()]).toEqual(['one', 'text', 2])
    const list = manager.list()
    for (let i = 0; i < 1000; i++) list.push(i)
    expect(await list.length()).toBe(1000)
    expect(await copy(dict)).toEqual(new Map<unknown, string>([[1, 'one'], ['1', 'text']]))
    const account = manager.account()
    expect(await account.deposit(5)).toBe(5)
    const seen: number[] = []
    for await (const step of account.steps()) seen.push(step)
    expect(seen).toEqual([1, 2])
    expect(await (await account.child()).deposit(1)).toBe(1)
    await expect(account.deposit(-1)).rejects.toMatchObject({ name: 'RangeError', message: 'negative' })
    const queue = manager.queue()
    const taken = queue.get()
    await queue.put({ deep: [1n, new Date(0), /x/g] })
    expect(await taken).toEqual({ deep: [1n, new Date(0), /x/g] })
  })

  it('puts proxies into containers of the same server, and nowhere else', async () => {
    const manager = await client()
    const [outer, inner] = [manager.list(), manager.dict()]
    await outer.push(inner, { deep: inner })
    await inner.set('a', 1)
    const [first, second] = await copy(outer) as any[]
    expect([await first.get('a'), sameReferent(first, inner), sameReferent(second.deep, inner)]).toEqual([1, true, true])
    const other = new Bank({ address: { port: 0 }, authKey: 'key' }).getServer()
    const end = new AbortController()
    const otherServing = other.serveForever({ signal: end.signal })
    await eventually('it listens', () => other.address !== undefined)
    const elsewhere = await BankClient.connect({ address: other.address!, authKey: 'key' }) as any
    await expect(elsewhere.list().push({ x: inner })).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_SENDABLE', message: expect.stringContaining('args[0].x') })
    end.abort()
    await otherServing
  })

  it('cannot send handles, functions, or classes', async () => {
    const manager = await client()
    const dict = manager.dict()
    const [end, other] = Channel.pair()
    await expect(dict.set('a', { deep: [end] })).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_SENDABLE', message: expect.stringContaining('args[1].deep[0]') })
    for (const each of [end, other]) each.close()
    await expect(dict.update('a', () => 1)).rejects.toMatchObject({ code: 'ERR_MULTIPROC_UNSUPPORTED' })
    await expect(dict.set('a', new Account())).rejects.toMatchObject({ code: 'ERR_MULTIPROC_UNSUPPORTED' })
    await expect(manager.pool(1).join()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_FOUND' })
    await expect(manager.account().handle()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_ENCODING' })
    expect(await dict.size()).toBe(0)
  })

  it('reaches nothing that is not exposed', async () => {
    const account = (await client()).account()
    for (const name of ['constructor', '__proto__', '_x', 'hasOwnProperty']) expect(account[name] === undefined || name === 'hasOwnProperty').toBe(true)
    await expect(account.missing()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_FOUND' })
    await expect(account.balance).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_FOUND' })
  })

  it('has no blocking forms', async () => {
    const dict = (await client()).dict()
    expect(() => sync(dict as never as { get(): number }).get()).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_UNSUPPORTED' }))
  })

  it('with a wrong key gets AuthenticationError, and the server goes on', async () => {
    await expect(client({ authKey: 'wrong' })).rejects.toBeInstanceOf(AuthenticationError)
    expect(await (await client()).value(3).get()).toBe(3)
  })

  it('that finds nobody is told so, within the time it gave', async () => {
    await expect(client({ address: { port: 1 } })).rejects.toBeInstanceOf(ServerLostError)
    await expect(BankClient.connect({ address: server.address!, authKey: 'key', signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
    await expect(new BankClient().connect()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_ARG_TYPE' })
    expect(() => new BankClient({ address: { port: -1 } })).toThrow(RangeError)
    expect(() => new BankClient({ address: '' })).toThrow(RangeError)
    expect(() => new BankClient().getServer()).toThrow(TypeError)
  })

  it('learns that the server ended, in pending calls too', async () => {
    const manager = await client()
    const waits = manager.queue().get()
    const outcome = waits.catch((error: unknown) => error)
    await manager.value(1).get()
    stop.abort()
    expect(await outcome).toBeInstanceOf(ServerLostError)
    await eventually('it is noticed', async () => {
      try {
        await manager.value(1).get()
        return false
      } catch (error) {
        return error instanceof ServerLostError
      }
    })
  })
})

it('serves over a unix socket', async () => {
  stop.abort()
  await serving
  const address = join(tmpdir(), `mp-manager-${process.pid}.sock`)
  const before = process.listeners('exit')
  await serve({ address })
  expect(await (await client()).value('x').get()).toBe('x')
  stop.abort()
  await serving
  expect(existsSync(address)).toBe(false)
  // Another server may be there when this process exits.
  expect(process.listeners('exit').filter((listener) => !before.includes(listener))).toEqual([])
})

it('serves over TLS', async () => {
  stop.abort()
  await serving
  const [key, cert] = ['key', 'cert'].map((name) => readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url)))
  await serve({ tls: { key, cert } })
  expect(await (await client({ tls: { ca: cert, servername: 'localhost' } })).value('x').get()).toBe('x')
  await expect(client({ authKey: 'k2', tls: { servername: 'localhost' } })).rejects.toMatchObject({ code: 'ERR_MULTIPROC_SERVER_LOST', cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' } })
})

it('runs functions of clients only where that was allowed', async () => {
  stop.abort()
  await serving
  await serve({ allowFunctions: true })
  const dict = (await client()).dict()
  expect(await dict.update('n', (n = 1) => n + 1)).toBe(2)
})

describe('what makes no sense', () => {
  it('before the key was proved ends that connection only', async () => {
    const { port } = server.address as { port: number }
    for (const garbage of [Buffer.alloc(100, 0xff), Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.from([0, 0, 1, 0]), Buffer.alloc(0)]) {
      const socket = connect(port)
      socket.on('error', () => {})
      socket.end(Buffer.concat([garbage, frameHeader(4)]))
      await new Promise((resolve) => socket.on('close', resolve).resume())
    }
    expect(await (await client()).value(1).get()).toBe(1)
  })

  it('afterwards does so, too; a request that is too long, and one without hello', async () => {
    const { RemoteLink } = await import('../../src/remote-link.ts')
    const frames = [
      requestFrame(HELLO, 0, '', ''), Buffer.from([CALL]), Buffer.alloc(40, 1), requestFrame(CREATE, 1, 'r1', 'dict'), requestFrame(CREATE, 1, '64:1', 'dict', { scratch: Buffer.from([0x10, 0xa0]), length: 2 }),
    ]
    for (const [i, frame] of frames.entries()) {
      const manager = await client({ authKey: 'key' })
      const link = RemoteLink.to({ address: server.address!, authKey: Buffer.from('key'), tls: undefined }) as unknown as { carrier: { send(frame: Buffer): void } }
      link.carrier.send(frame)
      await expect(manager.queue().get(), `frame ${i}`).rejects.toBeInstanceOf(ServerLostError)
    }
    expect(await (await client()).value(1).get()).toBe(1)
  })
})

it('a class of the library has nothing registered for clients elsewhere', async () => {
  stop.abort()
  await serving
  server = new BaseManager({ address: { port: 0 }, authKey: 'key' }).getServer()
  stop = new AbortController()
  serving = server.serveForever({ signal: stop.signal })
  await eventually('it listens', () => server.address !== undefined)
  await expect((await client()).dict().size()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_FOUND' })
})
