// One child process runs a function. No worker file and no main guard: the function lives right here.
import { Process } from 'multiproc'

function runChild(name: string): void {
  console.log(`Run child process ${name} (${process.pid})...`)
}

console.log(`Parent process ${process.pid}.`)
const child = new Process({ target: runChild, args: ['test'] })
console.log('Child process will start.')
child.start()
await child.join()
console.log('Child process end.')
