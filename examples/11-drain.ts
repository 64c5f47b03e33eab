// What a container wants: at SIGTERM take no more work, finish what there is within a limit, end what is left, and exit.
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'multiproc'

const LIMIT_MS = 3000

async function request(number: number, ms: number): Promise<string> {
  await sleep(ms)
  return `request ${number} is done`
}

const pool = new Pool(2)
await pool.broadcast(() => 'ready')
process.once('SIGTERM', () => {
  console.log(`SIGTERM: ${pool.stats().outstanding} requests are under way, ${LIMIT_MS} ms for them`)
  void pool.close({ timeout: LIMIT_MS })
})

const requests = [100, 300, 60_000].map((ms, number) =>
  pool.apply(request, [number, ms]).then(console.log, (error: { code: string }) => console.log(`request ${number} was ended: ${error.code}`)),
)
// Here the container's part, played by this program.
await sleep(50)
process.kill(process.pid, 'SIGTERM')

await Promise.all(requests)
await pool.join()
console.log('all workers have ended')
