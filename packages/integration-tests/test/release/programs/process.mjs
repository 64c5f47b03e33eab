import { Process } from '@multiproc/process'

const greet = 'ok'
const child = new Process({ target: () => console.log(greet) }).start()
await child.join()
