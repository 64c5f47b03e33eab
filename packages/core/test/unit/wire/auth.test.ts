import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Authenticator, FAILURE } from '../../../src/wire/auth.ts'
import { frameHeader } from '../../../src/wire/frame.ts'

const recorded = JSON.parse(readFileSync(new URL('../../fixtures/cpython-handshake.json', import.meta.url), 'utf8')) as {
  key: string
  frames: [string, string][]
  upTo311: { challenge: string; answer: string }
}
const key = Buffer.from(recorded.key)
const payloads = recorded.frames.map(([, hex]) => Buffer.from(hex, 'hex').subarray(4))
const nonceOf = (frame: Buffer): Buffer => frame.subarray(-40)
const framed = (payload: Buffer): string => Buffer.concat([frameHeader(payload.length), payload]).toString('hex')

it('makes the very bytes of a recorded handshake of CPython, on both sides', () => {
  const [ask, reply, welcome, askBack, replyBack, welcomeBack] = payloads as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer]
  const listener = new Authenticator(key, ['sha256'], () => nonceOf(ask))
  const client = new Authenticator(key, ['sha256'], () => nonceOf(askBack))
  const sent = [listener.challenge(), client.answer(ask), listener.verdict(reply)]
  client.checkWelcome(welcome)
  sent.push(client.challenge(), listener.answer(askBack), client.verdict(replyBack))
  listener.checkWelcome(welcomeBack)
  expect(sent.map(framed)).toEqual(recorded.frames.map(([, hex]) => hex))
})

describe('the form of CPython up to 3.11', () => {
  const nonce = Buffer.from(recorded.upTo311.challenge, 'hex')
  const challenge = Buffer.concat([Buffer.from('#CHALLENGE#'), nonce])
  const answer = Buffer.from(recorded.upTo311.answer, 'hex')

  it('is spoken when it was asked for', () => {
    expect(new Authenticator(key, ['md5']).answer(challenge)).toEqual(answer)
    const listener = new Authenticator(key, ['md5'], () => nonce)
    expect(listener.challenge()).toEqual(challenge)
    expect(listener.verdict(answer).toString()).toBe('#WELCOME#')
  })

  it('is refused otherwise, as a question and as an answer', () => {
    expect(() => new Authenticator(key).answer(challenge)).toThrow(/md5.*authDigests/)
    const listener = new Authenticator(key)
    const asked = listener.challenge()
    const md5 = new Authenticator(key, ['md5'])
    expect(() => md5.answer(asked)).toThrow(/sha256/)
    expect(listener.verdict(answer)).toBe(FAILURE)
  })
})

it('refuses a wrong key, its own challenge, a second answer and what has no form', () => {
  const mine = new Authenticator(key)
  const other = new Authenticator(Buffer.from('guess'))
  expect(mine.verdict(other.answer(mine.challenge()))).toBe(FAILURE)
  expect(() => other.checkWelcome(FAILURE)).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_AUTH' }))
  const own = mine.challenge()
  expect(() => mine.answer(own)).toThrow(/our own challenge/)
  const right = new Authenticator(key).answer(own)
  expect(mine.verdict(right).toString()).toBe('#WELCOME#')
  expect(mine.verdict(right)).toBe(FAILURE)
  expect(() => mine.answer(own)).toThrow(/our own challenge/)
  for (const text of ['', '#CHALLENGE#', '#CHALLENGE#{sha256}short', `#CHALLENGE#{sha1}${'x'.repeat(40)}`, 'hello']) {
    expect(() => mine.answer(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_AUTH' }))
  }
})
