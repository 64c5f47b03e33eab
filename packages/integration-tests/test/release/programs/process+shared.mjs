import { Process } from '@multiproc/process'
import { SharedValue } from '@multiproc/shared'

const counter = new SharedValue('int32', 41)
await new Process({ target: () => void counter.add(1) }).start().join()
console.log(counter.value === 42 ? 'ok' : counter.value)
