// Copied into an empty project that has only the packed tarballs; says what each part did.
import { Lock, Manager, Pipe, Pool, Process, Queue, isMainProcess } from 'multiproc'

const greeting = 'hello'

async function child(queue, lock, end) {
  await lock.runExclusive(() => queue.put(`${greeting} from ${isMainProcess ? 'the main process' : 'a child'}`))
  await end.send(process.version)
}

const queue = new Queue()
const lock = new Lock()
const [here, there] = Pipe()
const one = new Process({ target: child, args: [queue, lock, there] })
one.start()
console.log('queue:', await queue.get())
console.log('pipe:', (await here.recv()) === process.version ? 'same Node' : 'another Node')
console.log('joined:', await one.join(), one.exitCode)

const pool = new Pool(2)
console.log('pool:', (await pool.map((n) => n * n, [1, 2, 3, 4])).join(' '))
pool.close()
await pool.join()

const manager = Manager()
const dict = manager.dict()
dict.set(1, '1')
console.log('manager:', await dict.get(1))
await manager.shutdown()
