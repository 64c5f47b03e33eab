import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { payloadBytes, readHead, readResult, RETURNED, type StartHead } from '../../src/protocol.ts'

function fileWith(bytes: Uint8Array): number {
  const folder = mkdtempSync(join(tmpdir(), 'process-test-'))
  const path = join(folder, 'file')
  writeFileSync(path, bytes)
  const fd = openSync(path, 'r')
  onTestFinished(() => {
    closeSync(fd)
    rmSync(folder, { recursive: true })
  })
  return fd
}

const resultBytes = (magic: string, kind: number, body: string) => {
  const bytes = Buffer.concat([Buffer.from(magic), Buffer.alloc(4), Buffer.from(body)])
  bytes.writeInt32LE(kind, 4)
  return bytes
}

it('reads a whole result, and whether it carries handles', () => {
  expect(readResult(fileWith(resultBytes('MPR1', RETURNED, 'body')))).toMatchObject({ kind: RETURNED, withHandles: false })
  expect(readResult(fileWith(resultBytes('MPR1', RETURNED | 0x100, 'body')))).toMatchObject({ kind: RETURNED, withHandles: true })
  expect(Buffer.from(readResult(fileWith(resultBytes('MPR1', RETURNED, 'body')))!.body).toString()).toBe('body')
})

it('takes what a killed child left, body without header, for no result', () => {
  expect(readResult(fileWith(Buffer.alloc(0)))).toBeUndefined()
  expect(readResult(fileWith(Buffer.alloc(5)))).toBeUndefined()
  expect(readResult(fileWith(resultBytes('\0\0\0\0', 0, 'half a bo')))).toBeUndefined()
})

it('lays a payload out as the table says', () => {
  const bytes = Buffer.from(payloadBytes({ name: 'ü' } as StartHead, Buffer.from('body')))
  expect(bytes.subarray(0, 4).toString()).toBe('MPP1')
  expect(bytes.readInt32LE(4)).toBe(1)
  const headEnd = 12 + bytes.readInt32LE(8)
  expect(JSON.parse(bytes.subarray(12, headEnd).toString())).toEqual({ name: 'ü' })
  expect(bytes.subarray(headEnd).toString()).toBe('body')
})

it('takes no other descriptor 3 for a payload', () => {
  expect(readHead()).toBeUndefined()
})
