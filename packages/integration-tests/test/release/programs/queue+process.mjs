import { Process } from '@multiproc/process'
import { Queue } from '@multiproc/queue'

const queue = new Queue()
const child = new Process({ target: () => queue.put('ok') }).start()
console.log(await queue.get())
await child.join()
