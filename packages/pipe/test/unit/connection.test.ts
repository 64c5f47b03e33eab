import { BufferTooShort, Connection, EOFError, move, Pipe, TimeoutError } from '@multiproc/pipe'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

let here: Connection
let there: Connection

beforeEach(() => {
  ;[here, there] = Pipe()
})

afterEach(() => {
  here.close()
  there.close()
})

describe('values', () => {
  it('go both ways, in order, and keep their types', async () => {
    const values = [1, null, 'text', [1, [2]], new Map([[1, new Date(0)]]), { deep: { er: new Uint8Array([1, 2]) } }]
    for (const value of values) await here.send(value)
    for (const value of values) expect(await there.recv()).toEqual(value)
    there.sendSync('back')
    expect(here.recvSync()).toBe('back')
  })

  it('carry undefined, which is no lack of a message', async () => {
    expect(there.tryRecv()).toBeUndefined()
    expect(here.trySend(undefined)).toBe(true)
    expect(there.tryRecv()).toEqual({ value: undefined })
    const pending = there.recv()
    await here.send(undefined)
    expect(await pending).toBeUndefined()
  })

  it('are encoded at the call', async () => {
    const value = { count: 1 }
    const sent = here.send(value)
    value.count = 2
    await sent
    expect(await there.recv()).toEqual({ count: 1 })
  })

  it('of 16 MiB arrive whole', async () => {
    const large = Buffer.alloc(16 * 1024 * 1024, 'x')
    await here.send(large)
    expect(Buffer.compare((await there.recv()) as Buffer, large)).toBe(0)
  })

  it('that cannot be sent are named by their path, and nothing is sent', async () => {
    await expect(here.send({ a: [Promise.resolve()] })).rejects.toMatchObject({ code: 'ERR_MULTIPROC_NOT_SENDABLE', message: /a\[0\]/ })
    expect(await there.poll()).toBe(false)
  })
})

describe('waiting', () => {
  it('receives in the order of the calls', async () => {
    const pending = [there.recv(), there.recv(), there.recv()]
    for (const value of [1, 2, 3]) await here.send(value)
    expect(await Promise.all(pending)).toEqual([1, 2, 3])
  })

  it('keeps the order of sends that wait for room, also before later small, blocking and trying ones', async () => {
    let filled = 0
    while (here.trySend(filled)) filled++
    const pending = [here.send('large'.repeat(2000)), here.send('a'), here.send('b')]
    expect(here.trySend('too early')).toBe(false)
    for (let i = 0; i < filled; i++) expect(await there.recv()).toBe(i)
    expect(await there.recv()).toBe('large'.repeat(2000))
    here.sendSync('c')
    for (const value of ['a', 'b', 'c']) expect(await there.recv()).toBe(value)
    await Promise.all(pending)
    expect(await there.poll()).toBe(false)
  })

  it('ends with TimeoutError, and nothing was taken or sent', async () => {
    await expect(there.recv({ timeout: 20 })).rejects.toBeInstanceOf(TimeoutError)
    await expect(there.recv({ timeout: 0 })).rejects.toBeInstanceOf(TimeoutError)
    expect(() => there.recvSync({ timeout: 20 })).toThrow(TimeoutError)
    let filled = 0
    while (here.trySend(filled)) filled++
    await expect(here.send('late', { timeout: 20 })).rejects.toBeInstanceOf(TimeoutError)
    expect(() => here.sendSync('late', { timeout: 0 })).toThrow(TimeoutError)
    for (let i = 0; i < filled; i++) expect(await there.recv()).toBe(i)
    expect(there.tryRecv()).toBeUndefined()
  })

  it('ends with AbortError, whose cause is the reason, and leaves later ones their messages', async () => {
    const stop = new AbortController()
    const given = there.recv({ signal: stop.signal })
    const next = there.recv()
    const reason = new Error('enough')
    stop.abort(reason)
    await expect(given).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: reason })
    await here.send('kept')
    expect(await next).toBe('kept')
    await expect(there.recv({ signal: stop.signal })).rejects.toMatchObject({ code: 'ABORT_ERR' })
    await expect(here.send(1, { signal: stop.signal })).rejects.toMatchObject({ code: 'ABORT_ERR' })
    expect(await there.poll()).toBe(false)
  })

  it('of a large message that is aborted gives its memory back and sends nothing', async () => {
    const large = new Uint8Array(100_000)
    let filled = 0
    while (here.trySend(large)) filled++
    const stop = new AbortController()
    const pending = here.send(large, { signal: stop.signal })
    stop.abort()
    await expect(pending).rejects.toMatchObject({ code: 'ABORT_ERR' })
    for (let i = 0; i < filled; i++) await there.recv()
    expect(await there.poll()).toBe(false)
  })

  it('polls without taking', async () => {
    expect(await there.poll()).toBe(false)
    expect(there.pollSync({ timeout: 10 })).toBe(false)
    const polled = there.poll({ timeout: 10_000 })
    await here.send(7)
    expect(await polled).toBe(true)
    expect(there.pollSync()).toBe(true)
    expect(await there.recv()).toBe(7)
  })

  it('blocking for what only this thread could do is an error, not a hang', () => {
    expect(() => there.recvSync()).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_DEADLOCK' }))
    while (here.trySend(0));
    expect(() => here.sendSync(0)).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_DEADLOCK' }))
  })

  it('lets timers run between receives that never wait', async () => {
    let fired = false
    setTimeout(() => (fired = true), 1)
    for (let i = 0; !fired; i++) {
      await here.send(i)
      await there.recv()
    }
    expect(fired).toBe(true)
  })
})

describe('bytes', () => {
  it('keep their boundaries, and take part of a buffer', async () => {
    const bytes = Buffer.from('latin capital letter a')
    await here.sendBytes(bytes)
    await here.sendBytes(bytes, { offset: 6 })
    await here.sendBytes(bytes, { offset: 6, size: 7 })
    await here.sendBytes(bytes, { offset: bytes.length })
    here.sendBytesSync(new Uint16Array([0x0201]))
    expect((await there.recvBytes()).toString()).toBe('latin capital letter a')
    expect((await there.recvBytes()).toString()).toBe('capital letter a')
    expect(there.recvBytesSync().toString()).toBe('capital')
    expect((await there.recvBytes()).length).toBe(0)
    expect(await there.recvBytes()).toEqual(Buffer.from([1, 2]))
  })

  it('refuse a range outside of the buffer before anything is sent', async () => {
    const bytes = Buffer.alloc(10)
    for (const range of [{ offset: 11 }, { offset: -1 }, { offset: 4, size: 7 }, { size: -1 }, { offset: 0.5 }]) {
      await expect(here.sendBytes(bytes, range)).rejects.toMatchObject({ name: 'RangeError', code: 'ERR_MULTIPROC_ARG_VALUE' })
    }
    await expect(here.sendBytes('text' as never)).rejects.toMatchObject({ name: 'TypeError', code: 'ERR_MULTIPROC_ARG_TYPE' })
    expect(await there.poll()).toBe(false)
  })

  it('are written into a given buffer', async () => {
    const target = new Uint8Array(8)
    await here.sendBytes(Buffer.from([1, 2, 3]))
    expect(await there.recvBytesInto(target, { offset: 4 })).toBe(3)
    expect([...target]).toEqual([0, 0, 0, 0, 1, 2, 3, 0])
    await here.sendBytes(Buffer.from([9]))
    expect(there.recvBytesIntoSync(target)).toBe(1)
    expect(target[0]).toBe(9)
  })

  it('that are too long stay, small or large', async () => {
    for (const length of [100, 100_000]) {
      await here.sendBytes(new Uint8Array(length).fill(5))
      await expect(there.recvBytes({ maxLength: 99 })).rejects.toBeInstanceOf(BufferTooShort)
      await expect(there.recvBytesInto(new Uint8Array(99))).rejects.toMatchObject({ code: 'ERR_MULTIPROC_BUFFER_TOO_SHORT', details: { length } })
      expect((await there.recvBytes()).equals(Buffer.alloc(length, 5))).toBe(true)
    }
  })

  it('and values are told apart, and stay for the right call', async () => {
    await here.sendBytes(Buffer.from('x'))
    await expect(there.recv()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_BAD_FRAME' })
    expect((await there.recvBytes()).toString()).toBe('x')
    await here.send('y')
    await expect(there.recvBytes()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_BAD_FRAME' })
    expect(await there.recv()).toBe('y')
  })
})

describe('the end', () => {
  it('comes after everything that was sent', async () => {
    await here.send('last words')
    here.close()
    expect(await there.poll()).toBe(true)
    expect(await there.recv()).toBe('last words')
    expect(await there.poll()).toBe(true)
    await expect(there.recv()).rejects.toBeInstanceOf(EOFError)
    expect(() => there.recvSync()).toThrow(EOFError)
    expect(() => there.tryRecv()).toThrow(EOFError)
  })

  it('reaches a receiver that waits already', async () => {
    const pending = there.recv()
    here.close()
    await expect(pending).rejects.toBeInstanceOf(EOFError)
  })

  it('makes sends fail, also one that waits for room', async () => {
    while (here.trySend(0));
    const pending = here.send(1)
    there.close()
    await expect(pending).rejects.toBeInstanceOf(EOFError)
    await expect(here.send(1)).rejects.toMatchObject({ code: 'ERR_MULTIPROC_EOF' })
    expect(() => here.trySend(1)).toThrow(EOFError)
  })

  it('ends a for await, and break leaves the connection open', async () => {
    for (const value of [1, 2, 3]) await here.send(value)
    const seen: unknown[] = []
    for await (const value of there) {
      seen.push(value)
      if (value === 2) break
    }
    here.close()
    for await (const value of there) seen.push(value)
    expect(seen).toEqual([1, 2, 3])
  })

  it('of this handle: later calls and pending waits fail with CLOSED', async () => {
    const pending = there.recv()
    there.close()
    there.close()
    await expect(pending).rejects.toMatchObject({ code: 'ERR_MULTIPROC_CLOSED' })
    expect([there.closed, there.readable, there.writable]).toEqual([true, false, false])
    await expect(there.recv()).rejects.toMatchObject({ code: 'ERR_MULTIPROC_CLOSED' })
    expect(() => there.sendSync(1)).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_CLOSED' }))
  })

  it('of a using block closes the handle', () => {
    {
      using end = there
      expect(end.closed).toBe(false)
    }
    expect(there.closed).toBe(true)
  })
})

describe('one way', () => {
  it('has a reader and a writer, which refuse the other direction', async () => {
    const [reader, writer] = Pipe<string>({ duplex: false })
    expect([reader.readable, reader.writable, writer.readable, writer.writable]).toEqual([true, false, false, true])
    await writer.send('x')
    expect(await reader.recv()).toBe('x')
    await expect(reader.send('x' as never)).rejects.toMatchObject({ code: 'ERR_MULTIPROC_UNSUPPORTED' })
    expect(() => writer.tryRecv()).toThrow(/writer|only writes/)
    writer.close()
    await expect(reader.recv()).rejects.toBeInstanceOf(EOFError)
    reader.close()
  })
})

describe('connections in messages', () => {
  it('are the same end for the receiver, which keeps it open', async () => {
    const [inner, outer] = Pipe<string>()
    await here.send({ nested: [outer] })
    outer.close()
    const { nested } = (await there.recv()) as { nested: [Connection<string>] }
    await nested[0].send('through')
    expect(await inner.recv()).toBe('through')
    nested[0].close()
    await expect(inner.recv()).rejects.toBeInstanceOf(EOFError)
    inner.close()
  })

  it('moved ones are closed at the sender once sent', async () => {
    const [inner, outer] = Pipe<string>()
    await here.send(move(outer))
    expect(outer.closed).toBe(true)
    const arrived = (await there.recv()) as Connection<string>
    arrived.close()
    await expect(inner.recv()).rejects.toBeInstanceOf(EOFError)
    inner.close()
  })

  it('that nobody will read are given up, so the other end of them ends', async () => {
    const [inner, outer] = Pipe<string>()
    await here.send(move(outer))
    there.close()
    await expect(inner.recv()).rejects.toBeInstanceOf(EOFError)
    inner.close()
  })

  it('closed ones are refused by path', async () => {
    const [inner, outer] = Pipe()
    outer.close()
    await expect(here.send({ reply: outer })).rejects.toMatchObject({ code: 'ERR_MULTIPROC_CLOSED', message: /reply/ })
    inner.close()
  })

  it('of a send that is aborted are no longer in flight', async () => {
    const [inner, outer] = Pipe()
    while (here.trySend(0));
    const stop = new AbortController()
    const pending = here.send(move(outer), { signal: stop.signal })
    stop.abort()
    await expect(pending).rejects.toMatchObject({ code: 'ABORT_ERR' })
    expect(outer.closed).toBe(false)
    outer.close()
    await expect(inner.recv()).rejects.toBeInstanceOf(EOFError)
    inner.close()
  })
})

describe('arguments', () => {
  it('are checked with what to write instead', async () => {
    await expect(there.recv(1000 as never)).rejects.toMatchObject({ name: 'TypeError', message: /timeout: 1000/ })
    await expect(there.recv({ block: false } as never)).rejects.toMatchObject({ code: 'ERR_MULTIPROC_UNKNOWN_OPTION' })
    expect(() => Pipe(false as never)).toThrow(/\{ duplex: false \}/)
    expect(() => new Connection({} as never)).toThrow(/Pipe\(\)/)
    await expect(there.recvBytes({ maxLength: -1 })).rejects.toMatchObject({ name: 'RangeError' })
  })
})
