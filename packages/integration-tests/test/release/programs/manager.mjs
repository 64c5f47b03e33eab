import { Manager } from '@multiproc/manager'

const manager = Manager()
const dict = manager.dict()
dict.set('said', 'ok')
console.log(await dict.get('said'))
await manager.shutdown()
