import { runProgram } from '@multiproc/testing'
import { expect, it } from 'vitest'

async function run(scenario: string, seed: number): Promise<{ stdout: string; stderr: string; exitCode: number | null }> {
  const { stdout, stderr, exitCode } = await runProgram(new URL('../fixtures/deaths.ts', import.meta.url), { args: [scenario, String(seed)] })
  return { stdout, stderr, exitCode }
}

const seed = 1 + (Date.now() % 1_000_000)

it.each([
  ['echo', 'talks to a child both ways, awaiting and blocking, and the child ends when its peer closes', 'echoed'],
  ['writer', 'gives whole records in order and then the end, whenever the writer is killed', 'whole'],
  ['writer, blocked reader', 'tells a blocked reader that the writer was killed', 'whole'],
  ['writer blocked on a full pipe', 'gives all that fitted when the writer is killed while it waits for room', 'all that fitted'],
  ['reader, sender blocked', 'tells a blocked sender that the reader was killed', 'told'],
  ['reader, sender waits in its loop', 'tells a sender that awaits room that the reader was killed', 'told'],
  ['one of three writers', 'goes on with the other writers of an end when one is killed', 'the others go on'],
  ['one of three readers', 'goes on with the other readers of an end when one is killed', 'at most one lost'],
  ['blocked reader', 'passes a message on to the next when the first in line is killed', 'taken'],
  ['end in flight', 'ends a pipe whose other end was in a message to a killed process', 'ended'],
])('%s: it %s', async (scenario, _title, outcome) => {
  expect(await run(scenario, seed), `seed ${seed}`).toEqual({ stdout: `${outcome}\n`, stderr: '', exitCode: 0 })
})

it('leaves the line safely when the code that rebuilds a message closes the connection it is received on', async () => {
  const { stdout, stderr, exitCode } = await runProgram(new URL('../fixtures/closing-reviver.ts', import.meta.url))
  expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'true true fine\n', stderr: '', exitCode: 0 })
})
