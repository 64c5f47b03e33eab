import { Lock } from '@multiproc/lock'
import { Process } from '@multiproc/process'

const lock = new Lock()
const child = await lock.runExclusive(() => {
  return new Process({ target: () => console.log(lock.tryAcquire() ? 'the lock was free' : 'ok') }).start().join().then(() => lock.locked())
})
if (!child || lock.locked()) console.log('the lock was lost')
