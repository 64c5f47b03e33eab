import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { runProgram, type ProgramOptions } from '@multiproc/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { fixture, json, nodes } from './programs.ts'

const folders: string[] = []
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'closure-'))
  folders.push(made)
  return made
}
afterEach(() => {
  for (const one of folders.splice(0)) rmSync(one, { recursive: true })
})

describe.each(nodes)('on $version', ({ node, version }) => {
  it('runs every kind of function in another process as in the first, and in a third that the second sends it to', async () => {
    const [first, second] = [folder(), folder()]
    const here = await json('travels.mjs', { args: ['send', first], node })
    expect(Object.keys(here).length).toBeGreaterThan(35)
    const there = await json('receive.mjs', { args: [first, 'sync', second], node })
    const onward = await json('receive.mjs', { args: [second, 'sync'], node })
    for (const [name, result] of Object.entries(here)) {
      expect.soft(there[name], name).toEqual(result)
      expect.soft(onward[name], `${name}, sent on`).toEqual(result)
    }
  })

  it('runs them when the modules they need were imported ahead', async () => {
    const first = folder()
    const here = await json('travels.mjs', { args: ['send', first], node })
    expect(await json('receive.mjs', { args: [first, 'preload'], node })).toEqual(here)
  })

  it('refuses what cannot travel by code, with the path to it', async () => {
    expect(await json('refusals.mjs', { node })).toEqual({
      'outer this': ['ERR_MULTIPROC_CAPTURES_THIS', 'fn'],
      'outer new.target': ['ERR_MULTIPROC_CAPTURES_THIS', 'fn'],
      'a method that uses #private': ['ERR_MULTIPROC_PRIVATE_STATE', 'fn'],
      'a class with a static #private': ['ERR_MULTIPROC_PRIVATE_STATE', 'fn'],
      'an instance with #private': ['ERR_MULTIPROC_PRIVATE_STATE', 'fn[[one]]'],
      'object super': ['ERR_MULTIPROC_SUPER', 'fn'],
      'class super, method alone': ['ERR_MULTIPROC_SUPER', 'fn'],
      'two functions of one factory that write': ['ERR_MULTIPROC_AMBIGUOUS_CAPTURE', 'fn[[pair]][1][[n]]'],
      'two equal counters': ['ERR_MULTIPROC_AMBIGUOUS_CAPTURE', 'fn[[pair]][1][[n]]'],
      'direct eval': ['ERR_MULTIPROC_NO_SOURCE', 'fn'],
      'native': ['ERR_MULTIPROC_NO_SOURCE', 'fn'],
      'another context': ['ERR_MULTIPROC_NO_SOURCE', 'fn'],
      'a proxy': ['ERR_MULTIPROC_NOT_SENDABLE', 'fn'],
      'a proxy captured, whose traps throw': ['ERR_MULTIPROC_NOT_SENDABLE', 'fn[[function]]'],
      'computed by a local symbol': ['ERR_MULTIPROC_NOT_SENDABLE', 'fn[[keyed]]'],
      'a promise captured': ['ERR_MULTIPROC_NOT_SENDABLE', 'fn[[promise]]'],
      'deep inside': ['ERR_MULTIPROC_CAPTURES_THIS', 'fn[[options]].list[0].run'],
      'not a function': ['ERR_MULTIPROC_ARG_TYPE', null],
      'no value yet': ['ERR_MULTIPROC_TDZ', 'fn[[value]]'],
    })
  })

  it('keeps identity between messages, and sees what changed since the last one', async () => {
    expect(await json('identity.mjs', { node })).toEqual({
      'a function comes home': true,
      'a class comes home': true,
      'a bound function comes home': true,
      'one class in two messages': true,
      'first send': ['before', 1],
      'second send': ['after', 2],
    })
  })

  it('says so when the module exports another function where it arrives', async () => {
    const place = folder()
    const library = join(place, 'lib.mjs')
    writeFileSync(library, 'export const work = () => 1')
    expect((await runProgram(fixture('differs.mjs'), { args: ['send', place], node })).exitCode).toBe(0)
    expect(await json('differs.mjs', { args: ['receive', place], node })).toBe(1)
    writeFileSync(library, 'export const work = () => 2')
    expect(await json('differs.mjs', { args: ['receive', place], node })).toBe('ERR_MULTIPROC_EXPORT_DIFFERS')
    writeFileSync(library, 'export const other = () => 1')
    expect(await json('differs.mjs', { args: ['receive', place], node })).toBe('ERR_MULTIPROC_EXPORT_DIFFERS')
  })

  it('does not grow with the number of closures sent', async () => {
    const { grownBytes } = await json('growth.mjs', { execArgv: ['--expose-gc'], node })
    expect(grownBytes).toBeLessThan(2_000_000)
  })

  it('sends what CommonJS modules export where functions cannot be looked into', async () => {
    const permission = /^v20\./.test(version) ? '--experimental-permission' : '--permission'
    expect(await json('blind.mjs', { node, execArgv: ['--no-warnings', permission, '--allow-fs-read=*'] })).toEqual({
      'a CommonJS export': true,
      'a known function': true,
      'a module export': 'ERR_MULTIPROC_UNSUPPORTED',
      'a closure': 'ERR_MULTIPROC_UNSUPPORTED',
    })
  })

  const library = pathToFileURL(fixture('../../dist/index.js')).href
  const program = (start: string, name: string): string => `${start}
    const limit = 4; var step = 2; let seen = 0; class Box { get() { return limit } }
    function twice(n) { return n * step }
    const run = async () => [twice(limit), ++seen, new Box().get(), (await import('node:path')).basename('/a/b'), ${name}]
    const folder = process.env.FOLDER
    const { writeFileSync } = await import('node:fs')
    writeFileSync(folder + '/000', serializeFunction(run)); writeFileSync(folder + '/000.name', 'run')
    console.log(JSON.stringify({ run: await run() }))`
  const esm = program(`const { serializeFunction } = await import(${JSON.stringify(library)})`, 'typeof import.meta.url')
  const commonjs = `import(${JSON.stringify(library)}).then(async ({ serializeFunction }) => {${program('', "require('node:path').sep")}})`
  const evaluated: [string, (place: string) => Promise<{ stdout: string; stderr: string }>][] = [
    ['-e as a module', (place) => evaluate(['--input-type=module', '-e', esm], place)],
    ['-e as CommonJS', (place) => evaluate(['-e', commonjs], place)],
    ['stdin', (place) => evaluate(['--input-type=module', '-'], place, esm)],
  ]
  const evaluate = (execArgv: string[], place: string, input?: string) =>
    runProgram('--', { execArgv, env: { FOLDER: place }, node, ...(input !== undefined && { input }) } satisfies ProgramOptions)

  it.each(evaluated)('sends functions of a program given by %s', async (_, run) => {
    const place = folder()
    const { stdout, stderr } = await run(place)
    expect(stderr).toBe('')
    expect(readdirSync(place)).toHaveLength(2)
    expect(await json('receive.mjs', { args: [place, 'sync'], node })).toEqual(JSON.parse(stdout))
  })
})

it('sends the source as the engine runs it where types are stripped', async () => {
  const place = folder()
  // The old Nodes of the matrix cannot start such a program.
  const here = await json('typed.mts', { args: ['send', place], node: process.execPath })
  expect(here).toEqual({ typed: [4, 2] })
  expect(await json('receive.mjs', { args: [place, 'sync'], node: process.execPath })).toEqual(here)
})
