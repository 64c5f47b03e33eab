// A pipe has two ends; the child gets one of them as an argument and sends through it.
import { Pipe, Process, type Connection } from 'multiproc'

async function greet(connection: Connection): Promise<void> {
  await connection.send([42, null, 'hello'])
  connection.close()
}

const [parentEnd, childEnd] = Pipe()
const child = new Process({ target: greet, args: [childEnd] })
child.start()
console.log(await parentEnd.recv()) // [ 42, null, 'hello' ]
await child.join()
