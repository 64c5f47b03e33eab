import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decode, encode } from '@multiproc/core'
import { describe, expect, it } from 'vitest'
import { ShareableList, SharedMemory } from '../../src/index.ts'

const sent = <T>(value: T): T => {
  const message = encode(value)
  const bytes = Buffer.from(message.bytes)
  message.commit()
  return decode(bytes) as T
}
const code = (act: () => unknown): unknown => {
  try {
    act()
  } catch (error) {
    return (error as { code?: string }).code?.replace('ERR_MULTIPROC_', '')
  }
  return 'nothing thrown'
}
let names = 0
const named = (act: (name: string) => void): void => {
  const name = `mp-test-${process.pid}-${++names}`
  try {
    act(name)
  } finally {
    rmSync(`/dev/shm/${name}`, { force: true })
  }
}

describe('SharedMemory without a name', () => {
  it('travels as a handle and as views of it', () => {
    using memory = new SharedMemory({ size: 100 })
    using other = sent(memory)
    memory.bytes[99] = 7
    const view = memory.view('float64', 8, 2)
    view[1] = 1.5
    const far = sent([view, memory.bytes] as const)
    expect([other.size, other.bytes[99], far[0][1], far[0].length, far[1][99]]).toEqual([100, 7, 1.5, 2, 7])
    expect(memory.bytes.buffer.byteLength).toBe(100)
  })

  it('keeps its memory while any view lives, and takes it back from all views at close', () => {
    const memory = new SharedMemory({ size: 10_000 })
    const other = sent(memory)
    const part = Buffer.from(memory.bytes.buffer as ArrayBuffer, 5_000)
    memory.bytes.fill(1)
    memory.close()
    memory.close()
    expect([part[0], part[4_999], other.bytes[9_999]]).toEqual([0, 0, 1])
    expect([code(() => memory.view('int8')), code(() => encode(memory))]).toEqual(['CLOSED', 'CLOSED'])
    other.close()
  })

  it.skipIf(process.env.MULTIPROC_BACKEND === 'portable')('takes no pages before they are touched (the portable backend writes all of them)', () => {
    using memory = new SharedMemory({ size: 1024 ** 3 })
    memory.bytes[1024 ** 3 - 1] = 1
    expect(sent(memory).bytes[1024 ** 3 - 1]).toBe(1)
  })

  it('refuses sizes and places that cannot be', () => {
    using memory = new SharedMemory({ size: 10 })
    for (const act of [() => new SharedMemory({ size: 0 }), () => new SharedMemory({ size: -1 }), () => new SharedMemory({ create: false }), () => memory.view('i', 1), () => memory.view('i', 0, 3), () => memory.view('b', 11)]) {
      expect(code(act)).toBe('ARG_VALUE')
    }
    for (const act of [() => new SharedMemory({}), () => new SharedMemory(undefined as never), () => new SharedMemory({ size: '1' as never })]) expect(code(act)).toBe('ARG_TYPE')
    expect(code(() => new SharedMemory({ size: 1, track: false } as never))).toBe('UNKNOWN_OPTION')
    expect(code(() => new SharedMemory({ size: 2 ** 50 }))).toBe('NO_MEMORY')
    expect(code(() => new SharedMemory({ size: Number.MAX_SAFE_INTEGER }))).toBe('NO_MEMORY')
  })

  it('gives address space back no earlier than it must: thousands come and go', () => {
    for (let i = 0; i < 3_000; i++) {
      using memory = new SharedMemory({ size: 100 })
      memory.bytes[0] = 1
    }
  })
})

describe('SharedMemory with a name', () => {
  it('is created, opened, unlinked while open', () => {
    named((name) => {
      using memory = new SharedMemory({ name, size: 100, create: 'exclusive' })
      expect(statSync(`/dev/shm/${name}`).mode & 0o777).toBe(0o600)
      using other = new SharedMemory({ name, create: false, size: 5 })
      using third = new SharedMemory({ name, size: 7 })
      memory.bytes[3] = 9
      expect([other.size, other.bytes[3], third.size, sent(memory).bytes[3], sent(other.view('uint8', 3))[0]]).toEqual([100, 9, 100, 9, 9])
      expect(code(() => new SharedMemory({ name, size: 100, create: 'exclusive' }))).toBe('EXISTS')
      other.unlink()
      expect(existsSync(`/dev/shm/${name}`)).toBe(false)
      expect([code(() => memory.unlink()), code(() => new SharedMemory({ name, create: false })), code(() => sent(memory))]).toEqual(['NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND'])
      memory.bytes[4] = 8
      expect(other.bytes[4]).toBe(8)
      using again = new SharedMemory({ name, size: 1 })
      expect(code(() => memory.unlink())).toBe('NOT_FOUND')
      again.unlink()
    })
  })

  it('takes odd names, and refuses paths', () => {
    named((name) => {
      const odd = `${name}:a\nb`
      const memory = new SharedMemory({ name: odd, size: 1 })
      memory.close()
      memory.unlink()
    })
    for (const name of ['', '.', '..', '../x', '/x', 'a/b', 'a\0b', 'x'.repeat(256), 'é'.repeat(128)]) expect(code(() => new SharedMemory({ name, size: 1 }))).toBe('ARG_VALUE')
    expect(code(() => new SharedMemory({ name: 5 as never, size: 1 }))).toBe('ARG_TYPE')
  })

  it('follows no symbolic link, opens no folder or pipe, and says when there is no room', () => {
    named((name) => {
      const folder = mkdtempSync(join(tmpdir(), 'shm-'))
      const target = join(folder, 'file')
      writeFileSync(target, 'precious')
      symlinkSync(target, `/dev/shm/${name}`)
      expect(code(() => new SharedMemory({ name, size: 10 }))).toBe('FOREIGN')
      expect(readFileSync(target, 'utf8')).toBe('precious')
      rmSync(folder, { recursive: true })
      rmSync(`/dev/shm/${name}`)
      execFileSync('mkfifo', [`/dev/shm/${name}`])
      expect(code(() => new SharedMemory({ name, size: 10 }))).toBe('FOREIGN')
      rmSync(`/dev/shm/${name}`)
      expect(code(() => new SharedMemory({ name, size: 2 ** 46 }))).toBe('NO_MEMORY')
      expect(existsSync(`/dev/shm/${name}`)).toBe(false)
    })
  })
})

describe('ShareableList', () => {
  const items = ['howdy', Buffer.from('HoWdY'), -273.154, 100, null, true, 42, false, 'é'.repeat(8), 2n ** 62n]

  it('reads what it was made of, and takes items of other types where they fit', () => {
    using list = new ShareableList(items)
    expect([...list].map((item) => (item instanceof Uint8Array ? Buffer.from(item) : item))).toEqual(items)
    using other = sent(list)
    list.set(4, 'null no more'.slice(0, 8))
    list.set(0, null)
    list.set(3, 2.5)
    list.set(1, 'text')
    expect([other.at(4), other.at(0), other.at(3), other.at(1), other.at(-10), other.at(10), other.length]).toEqual(['null no ', null, 2.5, 'text', null, undefined, 10])
    list.set(0, 'again')
    expect([list.at(0), list.count(42), list.count(42n), list.indexOf(false), list.indexOf('none'), list.indexOf(2n ** 62n)]).toEqual(['again', 1, 1, 7, -1, 9])
    using empty = new ShareableList([])
    expect([...empty]).toEqual([])
  })

  it('refuses what does not fit, without touching the neighbour', () => {
    using list = new ShareableList(['12345678', 'next'])
    for (const act of [() => list.set(0, 'é'.repeat(9)), () => list.set(2, 1), () => list.set(-1, 1), () => list.set(1, 2n ** 63n), () => list.set(1, 'nul\0')]) expect(code(act)).toBe('ARG_VALUE')
    for (const act of [() => list.set(0, {} as never), () => list.set(0, undefined as never), () => new ShareableList(5 as never), () => new ShareableList()]) expect(code(act)).toBe('ARG_TYPE')
    expect([...list]).toEqual(['12345678', 'next'])
    list.set(0, '')
    expect([...list]).toEqual(['', 'next'])
  })

  it('is opened by name, and nothing else is taken for one', () => {
    named((name) => {
      using list = new ShareableList([1, 'a'], { name })
      using other = new ShareableList<[number, string]>(undefined, { name })
      other.set(0, 5)
      expect([list.at(0), code(() => new ShareableList([1], { name })), code(() => new ShareableList(undefined, { name: `${name}x` }))]).toEqual([5, 'EXISTS', 'NOT_FOUND'])
      list.shm.unlink()
      using memory = new SharedMemory({ name, size: 64 })
      memory.bytes.fill(255)
      expect(code(() => new ShareableList(undefined, { name }))).toBe('LAYOUT')
      memory.bytes.fill(1)
      expect(code(() => new ShareableList(undefined, { name }))).toBe('LAYOUT')
      memory.unlink()
    })
  })

  const python = ['python3', '/root/.pyenv/versions/3.11.7/bin/python3'].find((path) => spawnSync(path, ['-c', 'from multiprocessing.shared_memory import ShareableList']).status === 0)

  it.skipIf(python === undefined)("has the bytes of CPython's, both ways (skipped without python3)", () => {
    named((name) => {
      using list = new ShareableList(items, { name })
      const script = `
import sys
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import ShareableList
theirs = ShareableList(name=sys.argv[1])
resource_tracker.unregister(theirs.shm._name, 'shared_memory')
assert list(theirs) == ['howdy', b'HoWdY', -273.154, 100, None, True, 42, False, 'é' * 8, 2 ** 62], list(theirs)
own = ShareableList(['howdy', b'HoWdY', -273.154, 100, None, True, 42, False])
from_ours = bytes(theirs.shm.buf)
theirs[3] = 'set'
theirs[0] = b'by py'
theirs[4] = 5
print(bytes(own.shm.buf).hex())
own.shm.close(); own.shm.unlink(); theirs.shm.close()
`
      const hex = execFileSync(python as string, ['-c', script, name], { encoding: 'utf8' }).trim()
      expect([list.at(3), Buffer.from(list.at(0) as Uint8Array).toString(), list.at(4)]).toEqual(['set', 'by py', 5])
      using same = new ShareableList(items.slice(0, 8))
      expect(hex.slice(0, same.shm.size * 2)).toBe(Buffer.from(same.shm.bytes).toString('hex'))
      list.shm.unlink()
    })
  })
})
