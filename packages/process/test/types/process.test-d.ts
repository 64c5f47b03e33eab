// Checked by `tsc -p .`: the inference that the documentation promises, and what must be an error.
import { Process } from '../../src/index.ts'

const sum = new Process({ target: (a: number, b: number) => a + b, args: [1, 2] })
export const sumResult: number = await sum.start().result()
export const withDefault: string = await new Process({ target: (n: number, s: string = 'x') => n + s, args: [1] }).result()
export const noArgs: number = await new Process({ target: () => 5 }).result()
export const asyncTarget: string = await new Process({ target: async () => 'a' }).result()
export const contextual = new Process({ target: async (queue, n: number) => (await queue.get()) + n, args: [{ get: async () => 1 }, 1] })

class Crawler extends Process<{ pages: number }> {
  readonly urls: string[]
  constructor(urls: string[]) {
    super({ name: 'crawler' })
    this.urls = urls
  }
  override async run() {
    return { pages: this.urls.length }
  }
}
export const crawled: { pages: number } = await new Crawler([]).start().result()

// kwargs is the last parameter, args are those before it
export const keywords: string = await new Process({ target: (n: number, o: { text: string }) => o.text.repeat(n), args: [2], kwargs: { text: 'a' } }).result()
export const onlyKeywords: string = await new Process({ target: (o: { text: string }) => o.text, kwargs: { text: 'a' } }).result()
export const optionalKeywords: number = await new Process({ target: (n: number, o?: { text: string }) => n + (o?.text.length ?? 0), args: [2], kwargs: { text: 'a' } }).result()

// @ts-expect-error missing args
new Process({ target: (n: number) => n })
// @ts-expect-error wrong type
new Process({ target: (n: number) => n, args: ['x'] })
// @ts-expect-error wrong kwargs
new Process({ target: (n: number, o: { text: string }) => o.text.repeat(n), args: [2], kwargs: { text: 5 } })
// @ts-expect-error the argument before kwargs is missing
new Process({ target: (n: number, o: { text: string }) => o.text.repeat(n), kwargs: { text: 'a' } })
// @ts-expect-error unknown option
new Process({ targt: () => 1 })

sum.on('exit', (exitCode, signalCode) => {
  const code: number = exitCode
  const signal: NodeJS.Signals | null = signalCode
  return [code, signal]
})
