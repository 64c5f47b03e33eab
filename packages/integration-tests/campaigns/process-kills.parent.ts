/** Started by `process-kills.ts`, which kills it: starts daemons by both methods, threads and spares, and prints the daemons' pids. */
import { Process, setStartMethod } from 'multiproc'

const idle = (): unknown => setInterval(() => {}, 1000)
const busy = (): void => {
  for (;;);
}

setStartMethod('prefork')
for (let turn = 0; ; turn++) {
  const daemon = new Process({ target: turn % 3 === 2 ? busy : idle, daemon: true, method: turn % 2 === 0 ? 'spawn' : 'prefork' }).start()
  console.log(daemon.pid)
  if (turn === 1) new Process({ target: idle, daemon: true, method: 'thread' }).start()
  await new Promise((resolve) => setTimeout(resolve, 20))
  if (turn === 3) daemon.joinSync()
}
