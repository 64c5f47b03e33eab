import { Pipe } from '@multiproc/pipe'
import { Process } from '@multiproc/process'

const [ours, theirs] = Pipe()
const child = new Process({ target: () => theirs.send('ok') }).start()
console.log(await ours.recv())
await child.join()
