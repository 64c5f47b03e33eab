// A manager keeps objects in a process of its own; parent and child change and read them through proxies.
import { Manager, Process, type DictProxy, type ListProxy } from 'multiproc'

function change(dict: DictProxy<unknown, unknown>, list: ListProxy<number>): void {
  dict.set(1, '1')
  dict.set('2', 2)
  dict.set(0.25, null)
  list.reverse()
}

const manager = Manager()
const dict = manager.dict()
const list = manager.list([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])

const child = new Process({ target: change, args: [dict, list] })
child.start()
await child.join()

console.log(dict)
console.log(list)
await manager.shutdown()
