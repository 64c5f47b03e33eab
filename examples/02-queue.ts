// Two writers and a reader share a queue that holds at most three items.
import { setTimeout as sleep } from 'node:timers/promises'
import { Empty, Full, Process, Queue } from 'multiproc'

async function write(queue: Queue<string>, letters: string[]): Promise<void> {
  console.log(`Process to write: ${process.pid}`)
  for (const letter of letters) {
    await queue.put(letter) // waits while the queue is full
    console.log(`Put ${letter} to queue...`)
    await sleep(Math.random() * 100)
  }
}

async function read(queue: Queue<string>): Promise<void> {
  console.log(`Process to read: ${process.pid}`)
  // Ends once the queue was shut down and everything in it was taken.
  for await (const letter of queue) console.log(`Get ${letter} from queue.`)
}

const queue = new Queue<string>(3)

for (const letter of ['x', 'y', 'z']) queue.putNowait(letter)
try {
  queue.putNowait('one too many')
} catch (error) {
  console.log(`The queue holds ${queue.qsize()} items; one more throws ${error instanceof Full ? 'Full' : error}.`)
}
console.log(`Taken out again: ${queue.getNowait()} ${queue.getNowait()} ${queue.getNowait()}`)
try {
  queue.getNowait()
} catch (error) {
  console.log(`The queue is empty; taking more throws ${error instanceof Empty ? 'Empty' : error}.`)
}

const writers = [
  new Process({ target: write, args: [queue, ['A', 'B', 'C']] }),
  new Process({ target: write, args: [queue, ['D', 'E', 'F']] }),
]
const reader = new Process({ target: read, args: [queue] })
for (const one of [...writers, reader]) one.start()
for (const writer of writers) await writer.join()
queue.shutdown()
await reader.join()
console.log('All letters were read.')
