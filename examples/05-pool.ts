// Four workers, five tasks: the fifth starts when one of the first four has ended.
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'multiproc'

async function longTimeTask(name: number): Promise<void> {
  console.log(`Run task ${name} (${process.pid})...`)
  const startedMs = performance.now()
  await sleep(300 + Math.random() * 1200)
  console.log(`Task ${name} runs ${((performance.now() - startedMs) / 1000).toFixed(2)} seconds.`)
}

console.log(`Parent process ${process.pid}.`)
const pool = new Pool(4)
for (let task = 0; task < 5; task++) pool.applyAsync(longTimeTask, [task])
console.log('Waiting for all subprocesses done...')
pool.close() // no further tasks; those that are waiting still run
await pool.join()
console.log('All subprocesses done.')
