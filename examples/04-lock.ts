// Twenty people want one of ten tickets. The counter is a JSON file: reading it, thinking and writing it back is not one
// step, so without a lock several of them sell the same ticket.
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Lock, Process } from 'multiproc'

const TICKETS = 10
const USERS = 20

function ticketsIn(file: string): number {
  return JSON.parse(readFileSync(file, 'utf8')).tickets
}

/** Replaces the file as a whole, so that nobody ever reads half of it. */
function writeTickets(file: string, tickets: number): void {
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, JSON.stringify({ tickets }))
  renameSync(draft, file)
}

async function buy(file: string, user: number): Promise<boolean> {
  const left = ticketsIn(file)
  console.log(`User ${user} sees ${left} tickets left`)
  if (left === 0) return false
  await sleep(300) // paying takes a moment
  writeTickets(file, left - 1)
  console.log(`User ${user} got a ticket`)
  return true
}

function buyInTurn(file: string, user: number, lock: Lock): Promise<boolean> {
  return lock.runExclusive(() => buy(file, user))
}

/** Starts one process for each user, waits for all, and says what was sold. */
async function sell(users: (file: string, user: number) => Process<Promise<boolean>>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tickets-'))
  const file = join(folder, 'tickets.json')
  writeTickets(file, TICKETS)
  const buyers = Array.from({ length: USERS }, (_, index) => users(file, index + 1).start())
  const got = await Promise.all(buyers.map((buyer) => buyer.result()))
  const sold = got.filter(Boolean).length
  console.log(`${sold} of ${TICKETS} tickets sold, ${ticketsIn(file)} left in the file${sold > TICKETS ? ': oversold!' : ''}`)
  rmSync(folder, { recursive: true })
}

console.log('Without a lock:')
await sell((file, user) => new Process({ target: buy, args: [file, user] }))

console.log('\nWith a lock:')
const lock = new Lock()
await sell((file, user) => new Process({ target: buyInTurn, args: [file, user, lock] }))
