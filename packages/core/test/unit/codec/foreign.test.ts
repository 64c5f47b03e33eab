import { describe, expect, it } from 'vitest'
import { Channel, carriesFunctions, decode, encode, registerNamed } from '../../../src/index.ts'

class Place {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

registerNamed({ class: Place, name: 'test.Place', reduce: ({ name }) => [name, { deep: [name] }], revive: (name) => new Place(String(name)) })

describe('a message to another machine', () => {
  it('refuses a handle by its path, and is the same as any other without one', () => {
    const [end, other] = Channel.pair()
    expect(() => encode({ list: [1, end] }, 'args', { foreign: true })).toThrow(
      expect.objectContaining({ code: 'ERR_MULTIPROC_NOT_SENDABLE', message: expect.stringContaining('args.list[1] is a Channel, which lies in the memory of this machine') }),
    )
    const value = { n: 1, map: new Map([[1, '1']]) }
    expect([...encode(value, 'args', { foreign: true }).bytes]).toEqual([...encode(value).bytes])
    for (const each of [end, other]) each.close()
  })

  it('carries what both sides know by name without any function', () => {
    const bytes = Buffer.from(encode([new Place('a'), new Place('b')], 'args', { foreign: true }).bytes)
    expect(carriesFunctions(bytes)).toBe(false)
    expect(decode(bytes)).toEqual([new Place('a'), new Place('b')])
  })

  it('keeps shared references over such a value, which is made after its parts', () => {
    const place = new Place('a')
    const [first, second, after, again] = decode(Buffer.from(encode([place, place, 1, { x: place }], 'args', { foreign: true }).bytes)) as [Place, Place, number, { x: Place }]
    expect([second === first, again.x === first, after]).toEqual([true, true, 1])
  })

  it('with a name that is not known is refused', () => {
    const bytes = Buffer.from(encode(new Place('a'), 'args', { foreign: true }).bytes)
    bytes.write('test.Plaxx', bytes.indexOf('test.Place'))
    expect(() => decode(bytes)).toThrow(expect.objectContaining({ code: 'ERR_MULTIPROC_BAD_FRAME' }))
  })
})
