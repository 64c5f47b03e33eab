import { Pool } from '@multiproc/pool'

const pool = new Pool(2)
const squares = await pool.map((n) => n * n, [1, 2, 3])
await pool.close()
console.log(squares.join() === '1,4,9' ? 'ok' : squares)
