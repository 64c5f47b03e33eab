/** What does it cost to send a function, and what does a rebuilt one cost to run? */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { setImmediate as turn } from 'node:timers/promises'
import { deserialize, serialize, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { rebuildFunction, serializeFunction } from '@multiproc/closure'
import { decode, encode } from '@multiproc/core'
import type { Contender, Question } from './measure.ts'

const timed = (name: string, turn: (i: number) => unknown): (() => Contender) => () => ({
  name,
  measure: (times) => {
    const beganMs = performance.now()
    for (let i = 0; i < times; i++) turn(i)
    return performance.now() - beganMs
  },
})

const limit = 10
const twice = (n: number): number => n * 2
const options = { list: [1, 2, 3], name: 'options' }
let changing = 0
const constant = (n: number): number => Math.min(twice(n), limit)
const overObject = (n: number): number => n + options.list.length
const overChanging = (n: number): number => n + changing
const bump = (): number => ++changing
bump()
/** What a message with so much text costs when no function is in it. */
const text = { text: `${String(constant)}${String(twice)}`, name: 'constant', names: ['twice', 'limit'] }

const sending: Question = {
  title: 'A function sent again (there is no other way to send one: beside it, its text alone)',
  unit: 'µs per operation',
  times: 20_000,
  rounds: 7,
  contenders: [
    timed('constant', () => encode(constant)),
    timed('over an object', () => encode(overObject)),
    timed('the text, in a message', () => encode(text)),
    timed('the text, v8.serialize', () => serialize(text)),
  ],
}

const looking: Question = {
  title: 'A function that has to be looked into at each send',
  unit: 'µs per operation',
  times: 1_000,
  rounds: 7,
  contenders: [
    timed('over a reassigned variable', () => encode(overChanging)),
    timed('a fresh closure of known source', (i) => encode(() => i)),
  ],
}

const bytesOf = (fn: Function): Uint8Array => serializeFunction(fn)
const asFromElsewhere = (bytes: Uint8Array): Uint8Array => {
  // Ids name the thread they were made in; one character more, and the function is no longer this thread's own.
  const copy = Buffer.from(bytes)
  const id = /[0-9a-f]{8}-[0-9a-f]{4}-4/.exec(copy.toString('latin1'))
  for (let at = copy.indexOf(id![0]); at >= 0; at = copy.indexOf(id![0], at)) copy.write('g', at)
  return copy
}

const rebuilding: Question = {
  title: 'A function rebuilt',
  unit: 'µs per operation',
  times: 2_000,
  rounds: 5,
  contenders: [
    () => {
      bytesOf(constant)
      const bytes = asFromElsewhere(bytesOf(constant))
      return timed('constant, known there', () => decode(bytes))()
    },
    () => {
      const bytes = asFromElsewhere(bytesOf(overObject))
      return timed('over an object', () => decode(bytes))()
    },
    () => {
      const closures = Array.from({ length: 2_000 }, (_, i) => asFromElsewhere(bytesOf(() => i)))
      return timed('a fresh closure of known source', (i) => decode(closures[i]!))()
    },
    () => {
      const bytes = serialize(text)
      return timed('the text, v8.deserialize and new Function', () => new Function(`return ${(deserialize(bytes) as typeof text).text.slice(0, -String(twice).length)}`)())()
    },
  ],
}

const hot = ((scale: number) => (n: number): number => {
  let sum = 0
  for (let i = 0; i < n; i++) sum += (i & 7) * scale + limit
  return sum
})(3)

const settings = { scale: 3, limit: 10 }
const hotOverObject = (n: number): number => {
  let sum = 0
  for (let i = 0; i < n; i++) sum += (i & 7) * settings.scale + settings.limit
  return sum
}

const loop = (title: string, fn: (n: number) => number): Question => ({
  title,
  unit: 'µs per operation',
  times: 20,
  rounds: 7,
  contenders: [() => {
    const rebuilt = rebuildFunction<typeof fn>(asFromElsewhere(bytesOf(fn)))
    return timed('rebuilt', () => rebuilt(1_000_000))()
  }, timed('original', () => fn(1_000_000))],
})
const running = loop('The hot loop of a function, 10⁶ times around', hot)
const runningOverObject = loop('The hot loop of one that captures an object', hotOverObject)

const collect = (() => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
})()

/** Sent and forgotten, they must not add up. */
const growth: Question = {
  title: 'What 20,000 fresh closures, sent and forgotten, leave behind',
  unit: 'MiB',
  times: 20_000,
  rounds: 3,
  contenders: [
    () => ({
      name: 'heap used, after a collection',
      async measure(times) {
        await turn()
        collect()
        const before = process.memoryUsage().heapUsed
        for (let i = 0; i < times; i++) encode(() => i)
        // What was collected is only then told to the table of ids.
        for (let i = 0; i < 3; i++) {
          await turn()
          collect()
        }
        return Math.max(0, process.memoryUsage().heapUsed - before) / 2 ** 20
      },
    }),
  ],
}

/** Each turn meets a module that was never seen before. */
function firstSend(lines: number): () => Promise<Contender> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bench-closure-'))
    const fillers = Array.from({ length: lines / 5 }, (_, i) => `export function filler${i}(a, b) {\n  const list = [a, b, ${i}]\n  let sum = 0\n  for (const one of list) sum += one * ${i}\n  return { sum, text: \`\${sum}\`, list } }`)
    const source = `import { join } from 'node:path'\nconst limit = 3\nexport const make = (n) => () => join('a', String(n + limit))\n${fillers.join('\n')}\n`
    const made: (() => unknown)[] = []
    for (let i = 0; i < 60; i++) {
      const file = join(folder, `module${i}.mjs`)
      writeFileSync(file, source)
      made.push(((await import(pathToFileURL(file).href)) as { make: (n: number) => () => unknown }).make(i))
    }
    let at = 0
    return {
      name: `${lines.toLocaleString('en-US')} lines`,
      measure(times) {
        const beganMs = performance.now()
        for (let i = 0; i < times; i++) encode(made[at++])
        return performance.now() - beganMs
      },
      close: () => rmSync(folder, { recursive: true }),
    }
  }
}

const first: Question = {
  title: 'The first function of a module',
  unit: 'µs per operation',
  times: 4,
  rounds: 5,
  contenders: [firstSend(20), firstSend(2_000)],
}

export const closure: readonly Question[] = [sending, looking, rebuilding, running, runningOverObject, growth, first]
