import { Pool, Process, Queue } from 'multiproc'

const queue = new Queue()
const child = new Process({ target: () => queue.put(20) }).start()
const pool = new Pool(1)
const sum = (await queue.get()) + (await pool.apply((n) => n + 1, [21]))
await Promise.all([child.join(), pool.close()])
console.log(sum === 42 ? 'ok' : sum)
