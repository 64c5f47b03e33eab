import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fstatSync, readSync, rmSync, writeSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { afterAll, describe, expect, it } from 'vitest'
import { atomics } from '../../src/arena/atomics.ts'
import { monotonicMs } from '../../src/os/clock.ts'
import type { Os } from '../../src/os/contract.ts'
import { openLinux } from '../../src/os/linux.ts'
import { openPortable } from '../../src/os/portable.ts'

const CHUNK = 64 * 1024
const sleeper = new URL('../fixtures/os-sleeper.ts', import.meta.url)

const backends: [string, () => Os][] = [['portable', openPortable]]
if (process.platform === 'linux') backends.push(['linux', openLinux])

describe.each(backends)('the %s backend', (name, open) => {
  const os = open()
  const { fd, place } = os.createMemory()
  os.growMemory(fd, CHUNK)
  const chunk = os.mapChunk(fd, 0, CHUNK)
  const descriptors: number[] = [fd]
  afterAll(() => {
    descriptors.forEach((each) => os.closeFd(each))
    if (place !== '') rmSync(place, { recursive: true })
  })

  it('maps exactly the bytes asked for, and leaves private zeros when they are taken back', () => {
    os.growMemory(fd, 2 * CHUNK)
    const window = os.mapWindow(fd, CHUNK - 64, 128)
    const bytes = new Uint8Array(window.buffer)
    expect(bytes.length).toBe(128)
    bytes[0] = 9
    expect(chunk.bytes[CHUNK - 64]).toBe(9)
    os.blank(window)
    expect(bytes[0]).toBe(0)
    bytes[1] = 8
    expect([chunk.bytes[CHUNK - 64], chunk.bytes[CHUNK - 63]]).toEqual([9, 0])
  })

  it('takes memory for a whole file', () => {
    const scratch = os.createScratch()
    descriptors.push(scratch)
    os.reserve(scratch, CHUNK)
    expect(fstatSync(scratch).size).toBe(CHUNK)
  })

  it('shows the same bytes in every mapping, and after growing', () => {
    const twin = os.mapChunk(fd, 0, CHUNK)
    atomics.store(chunk.words, 3, 42)
    expect(atomics.load(twin.words, 3)).toBe(42)
    os.growMemory(fd, 2 * CHUNK)
    const second = os.mapChunk(fd, CHUNK, CHUNK)
    expect(second.words[0]).toBe(0)
    second.bytes[0] = 7
    const byte = Buffer.alloc(1)
    readSync(fd, byte, 0, 1, CHUNK)
    expect(byte[0]).toBe(7)
  })

  it('leaves zeros where a range was given back', () => {
    chunk.words.fill(-1, 4096, 8192)
    os.punch(fd, 4096 * 4, 4096 * 4)
    expect(chunk.words.subarray(4096, 8192).every((word) => word === 0)).toBe(true)
  })

  it('names this thread: its pid, a tid, and a start time that says it lives', () => {
    const { pid, tid } = os.identity()
    expect(pid).toBe(process.pid)
    expect(tid).toBeGreaterThan(0)
    expect(tid).toBeLessThan(0x2000_0000)
    expect(os.isTaskDead(tid)).toBe(false)
    expect(os.isProcessDead(process.pid, os.startOf(process.pid))).toBe(false)
  })

  it('does not sleep on a word that holds something else than expected', () => {
    atomics.store(chunk.words, 10, 1)
    os.sleep(chunk, 10, 0, [], Infinity)
    atomics.store(chunk.words, 11, 5)
    os.sleep(chunk, 10, 1, [{ chunk, index: 11, expected: 4 }], Infinity)
    expect(atomics.load(chunk.words, 10)).toBe(1)
  })

  it('sleeps until the deadline when nobody wakes it', () => {
    atomics.store(chunk.words, 12, 0)
    const start = monotonicMs()
    while (monotonicMs() < start + 30) os.sleep(chunk, 12, 0, [], start + 30)
    expect(monotonicMs() - start).toBeGreaterThanOrEqual(30)
  })

  it('wakes a sleeper of another process, by its own word and by a watched one', async () => {
    for (const changed of [20, 21]) {
      atomics.store(chunk.words, 20, 0)
      atomics.store(chunk.words, 21, 0)
      const child = spawn(process.execPath, ['--conditions=@multiproc/source', sleeper.pathname, name, place], { stdio: ['ignore', 'pipe', 'inherit', fd] })
      const ended = once(child, 'exit')
      await once(child.stdout!, 'data')
      atomics.store(chunk.words, changed, 1)
      os.wake(chunk, changed, true)
      expect(await ended).toEqual([0, null])
    }
  })

  it('opens a pipe again under its name, and not under a name that stands for something else', () => {
    const pipe = os.openPipe()
    const end = os.reopenPipe(process.pid, pipe, 'write')
    expect(end).toBeGreaterThanOrEqual(0)
    writeSync(end, 'x')
    const byte = Buffer.alloc(4)
    expect(readSync(pipe.readFd, byte)).toBe(1)
    expect(os.reopenPipe(process.pid, { ...pipe, inode: pipe.inode + 1 }, 'write')).toBe(-1)
    expect(os.reopenPipe(process.pid, { number: 99_999_999, inode: 1 }, 'read')).toBe(-1)
    const reader = os.reopenPipe(process.pid, pipe, 'read')
    expect(() => readSync(reader, byte)).toThrow('EAGAIN')
    os.closeFd(pipe.writeFd)
    closeSync(end)
    expect(readSync(reader, byte)).toBe(0)
    os.closeFd(reader)
    os.closeFd(pipe.readFd)
  })

  it('makes a file of given bytes that a child reads by position, and an empty one that it writes', () => {
    const payload = os.createSealed(Buffer.from('hello'))
    const result = os.createScratch()
    descriptors.push(payload, result)
    const program = `const fs = require('fs'); const b = Buffer.alloc(5); fs.readSync(3, b, 0, 5, 0); fs.writeSync(4, b.toString().toUpperCase(), 0)`
    spawnSync(process.execPath, ['-e', program], { stdio: ['ignore', 'inherit', 'inherit', payload, result] })
    const read = Buffer.alloc(5)
    readSync(result, read, 0, 5, 0)
    expect(read.toString()).toBe('HELLO')
    if (name === 'linux') expect(() => writeSync(payload, 'x', 0)).toThrow('EPERM')
  })

  it.each([
    ['process.exit(3)', { exitCode: 3, signal: null }],
    ["process.kill(process.pid, 'SIGKILL')", { exitCode: null, signal: 9 }],
  ])('says how a child ended (%s) and leaves it to Node', async (program, expected) => {
    const child = spawn(process.execPath, ['-e', program], { stdio: 'ignore' })
    const pid = child.pid!
    const start = os.startOf(pid)
    expect(os.isProcessDead(pid, start)).toBe(false)
    let exit = os.peekExit(pid, 0)
    // This thread never turns its loop meanwhile, so Node cannot reap the child.
    while (exit === 'running') exit = os.peekExit(pid, 1000)
    expect(exit).toEqual(expected)
    expect(os.isProcessDead(pid, start)).toBe(true)
    expect(await once(child, 'exit')).toEqual([expected.exitCode, expected.signal === 9 ? 'SIGKILL' : null])
    expect(os.peekExit(pid, 0)).toBe('reaped')
  })

  it('takes another start time under the same pid for another process', () => {
    const start = os.startOf(process.pid)
    if (start === 0) return // no /proc: only the pid is known
    expect(os.isProcessDead(process.pid, start + 1)).toBe(true)
  })

  it('works in a Worker', async () => {
    const program = `
      const { workerData } = require('node:worker_threads')
      import(workerData.module).then(({ openLinux, openPortable }) => {
        const os = (openLinux ?? openPortable)()
        const chunk = os.mapChunk(workerData.fd, 0, ${CHUNK})
        Atomics.store(chunk.words, 30, os.identity().tid)
      })`
    const module = new URL(`../../src/os/${name}.ts`, import.meta.url).href
    const worker = new Worker(program, { eval: true, workerData: { module, fd } })
    await once(worker, 'exit')
    expect(atomics.load(chunk.words, 30)).toBeGreaterThan(0)
    expect(atomics.load(chunk.words, 30)).not.toBe(os.identity().tid)
  })
})
