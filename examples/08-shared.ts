// Four processes count in one shared number and fill one shared array: nothing is copied, and no addition is lost.
import { Process, SharedArray, SharedValue } from 'multiproc'

const WORKERS = 4
const ROUNDS = 10_000

function work(index: number, hits: SharedValue<'int32'>, squares: SharedArray<'float64'>): void {
  for (let round = 0; round < ROUNDS; round++) hits.add(1)
  const { array } = squares // an ordinary Float64Array over the memory itself
  for (let i = index; i < array.length; i += WORKERS) array[i] = i * i
}

const hits = new SharedValue('int32')
const squares = new SharedArray('float64', 8)
const workers = Array.from({ length: WORKERS }, (_, index) => new Process({ target: work, args: [index, hits, squares] }).start())
await Promise.all(workers.map((worker) => worker.result()))
console.log(`${hits.value} hits`)
console.log(`squares: ${[...squares].join(' ')}`)
