import { rebuildFunction, serializeFunction } from '@multiproc/closure'

const word = 'ok'
const bytes = serializeFunction(() => word)
console.log(rebuildFunction(bytes)())
