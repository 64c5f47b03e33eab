import { parentPort, workerData } from 'node:worker_threads'
import { decode } from '@multiproc/core'
import { sync } from '../../src/index.ts'
import type { ListProxy } from '../../src/index.ts'
import { create } from '../../src/proxy.ts'
import { Referent } from '../../src/referent.ts'
import { stateOf } from '../../src/proxy.ts'
import { makeProxy } from '../../src/types/catalog.ts'

// A client in another thread: pushes, reads blocking, and has an object of its own that nobody else refers to.
const list = decode(workerData as Buffer) as ListProxy<string>
list.push('y')
const length = await list.length()
const own = makeProxy('dict', stateOf(list, 'test').link, Referent.create())
create(own, [new Map()])
parentPort!.postMessage({ length, sync: sync(list).at(-1) })
setInterval(() => own, 1000)
