import { Pipe, wait } from '@multiproc/pipe'
import type { Connection } from '@multiproc/pipe'
import { activeChildren, cpuCount, currentProcess, parentProcess, Process } from '@multiproc/process'
import { Queue } from '@multiproc/queue'
import { expect, it } from 'vitest'
import { codeOf, collected } from '../support.ts'

const idle = (): unknown => setTimeout(() => {}, 600_000)
const nothing = (): void => {}

it('cpython: _TestProcess.test_current — the current process is alive, no daemon, has the OS pid, no exit code and a key', () => {
  const current = currentProcess()
  expect([current.isAlive(), current.daemon, current.pid, current.exitCode]).toEqual([true, false, process.pid, null])
  expect(current.ident).toBe(current.pid)
  expect(current.authKey).toBeInstanceOf(Uint8Array)
  expect(current.authKey.length).toBeGreaterThan(0)
})

it('cpython: _TestProcess.test_args_argument — single, several and nested arguments arrive equal', async () => {
  const given: unknown[][] = [[], [1], ['1', 2], [[1, [2, { three: 3 }]], null, undefined]]
  const echoes = given.map((args) => new Process({ target: (...args: unknown[]) => args, args: Object.freeze([...args]) as unknown[] }).start())
  expect(await Promise.all(echoes.map((child) => child.result()))).toEqual(given)
})

it("cpython: _TestProcess.test_daemon_argument — daemon is the creator's flag unless it is given", async () => {
  expect(new Process({ target: nothing }).daemon).toBe(currentProcess().daemon)
  expect([true, false].map((daemon) => new Process({ target: nothing, daemon }).daemon)).toEqual([true, false])
  const inDaemon = () => [new Process().daemon, new Process({ daemon: false }).daemon]
  expect(await new Process({ target: inDaemon, daemon: true }).start().result()).toEqual([true, false])
})

it("cpython: _TestProcess.test_parent_process_attributes — no parent in the main process; in a child the parent's pid and name", async () => {
  expect(parentProcess()).toBe(null)
  const child = new Process({ target: () => [parentProcess()?.pid, parentProcess()?.name] }).start()
  expect(await child.result()).toEqual([process.pid, currentProcess().name])
})

it('cpython: _TestProcess.test_parent_process — a grandchild sees its parent alive, and its end after it was terminated', async () => {
  const [here, there] = Pipe<unknown>({ duplex: false })
  const middle = (there: Connection) => {
    const watch = async (there: Connection) => {
      const parent = parentProcess()!
      await there.send([parent.pid, parent.isAlive()])
      await there.send([await parent.join({ timeout: 60_000 }), parent.isAlive()])
    }
    new Process({ target: watch, args: [there], daemon: false }).start()
  }
  const child = new Process({ target: middle, args: [there] }).start()
  there.close()
  expect(await here.recv()).toEqual([child.pid, true])
  child.terminate()
  expect(await here.recv()).toEqual([true, false])
  here.close()
})

it('cpython: _TestProcess.test_process — the whole life: arguments, name, key and pid; alive, exit code and active children before, during and after', async () => {
  const [queue, answers] = [new Queue<unknown>(), new Queue<unknown>()]
  const report = async (queue: Queue<unknown>, answers: Queue<unknown>, one: number, two: number, named: { hello: number; bye: number }) => {
    const current = currentProcess()
    await queue.put([[one, two, named], current.name, [...current.authKey], current.pid])
    await answers.get()
  }
  const child = new Process({ target: report, args: [queue, answers, 1, 2], kwargs: { hello: 23, bye: 2.54 }, name: 'SomeProcess', daemon: true })
  expect([child.authKey, child.isAlive(), child.daemon, child.exitCode]).toEqual([currentProcess().authKey, false, true, null])
  expect(activeChildren()).not.toContain(child)
  child.start()
  expect([child.exitCode, child.isAlive()]).toEqual([null, true])
  expect(activeChildren()).toContain(child)
  expect(await queue.get()).toEqual([[1, 2, { hello: 23, bye: 2.54 }], 'SomeProcess', [...currentProcess().authKey], child.pid])
  await answers.put('go on')
  expect(await child.join()).toBe(true)
  expect([child.exitCode, child.isAlive()]).toEqual([0, false])
  expect(activeChildren()).not.toContain(child)
  for (const each of [queue, answers]) each.close()
})

it("cpython: _TestProcess.test_process_mainthread_native_id — the child's main thread is another one than the parent's", async () => {
  const child = new Process({ target: () => [process.pid, currentProcess().ident] }).start()
  const [pid, ident] = await child.result()
  expect(pid).not.toBe(process.pid)
  expect([ident, child.ident]).toEqual([pid, pid])
})

it('cpython: _TestProcess.test_interrupt — a child that lets SIGINT become an error ends with exit code 1', async () => {
  const [here, there] = Pipe<string>({ duplex: false })
  const child = new Process({
    target: async (there: Connection) => {
      process.once('SIGINT', () => {
        throw new Error('KeyboardInterrupt')
      })
      setTimeout(() => {}, 600_000)
      await there.send('ready')
    },
    args: [there],
    stdio: 'ignore',
  }).start()
  expect(await here.recv()).toBe('ready')
  child.interrupt()
  await child.join()
  expect([child.exitCode, child.signalCode]).toEqual([1, null])
  for (const end of [here, there]) end.close()
})

it.each([
  ['cpython: _TestProcess.test_interrupt_no_handler — interrupt() ends a child without a handler with exit code -2', 'interrupt', -2, 'SIGINT'],
  ['cpython: _TestProcess.test_terminate — terminate() ends it with -15; join with no time says at once that it runs', 'terminate', -15, 'SIGTERM'],
  ['cpython: _TestProcess.test_kill — kill() ends it with -9', 'kill', -9, 'SIGKILL'],
] as const)('%s', async (_, how, exitCode, signal) => {
  const child = new Process({ target: idle, daemon: true }).start()
  expect([child.isAlive(), child.exitCode, activeChildren().includes(child)]).toEqual([true, null, true])
  expect(await child.join({ timeout: 0 })).toBe(false)
  expect(child.joinSync({ timeout: 0 })).toBe(false)
  expect(await codeOf(() => child.join({ timeout: -1 }))).toBe('ERR_MULTIPROC_ARG_VALUE')
  child[how]()
  expect(await child.join()).toBe(true)
  expect([child.isAlive(), child.exitCode, child.signalCode, activeChildren().includes(child)]).toEqual([false, exitCode, signal, false])
})

it('cpython: _TestProcess.test_cpu_count — an integer from 1', () => {
  expect(Number.isInteger(cpuCount())).toBe(true)
  expect(cpuCount()).toBeGreaterThanOrEqual(1)
})

it('cpython: _TestProcess.test_active_children — lists a started child, not one that was not started or has ended', async () => {
  const [here, there] = Pipe<string>()
  const child = new Process({ target: async (there: Connection) => void (await there.recv()), args: [there] })
  expect(activeChildren()).not.toContain(child)
  child.start()
  expect(activeChildren()).toContain(child)
  await here.send('end')
  await child.join()
  expect(activeChildren()).not.toContain(child)
  for (const end of [here, there]) end.close()
})

it('cpython: _TestProcess.test_recursion — children start children, two levels deep', async () => {
  const [here, there] = Pipe<number[]>({ duplex: false })
  const branch = async (there: Connection, id: number[]): Promise<void> => {
    await there.send(id)
    for (let i = 0; id.length < 2 && i < 2; i++) await new Process({ target: branch, args: [there, [...id, i]] }).start().join()
  }
  await new Process({ target: branch, args: [there, []] }).start().join()
  there.close()
  const ids: number[][] = []
  for await (const id of here) ids.push(id)
  expect(ids).toEqual([[], [0], [0, 0], [0, 1], [1], [1, 0], [1, 1]])
  here.close()
})

it('cpython: _TestProcess.test_sentinel — none before the start; can be waited for, and is ready after the end', async () => {
  const [here, there] = Pipe<string>()
  const child = new Process({ target: async (there: Connection) => void (await there.recv()), args: [there] })
  expect(await codeOf(() => child.sentinel)).toBe('ERR_MULTIPROC_NOT_STARTED')
  child.start()
  const { sentinel } = child
  expect(await wait([sentinel], { timeout: 0 })).toEqual([])
  await here.send('end')
  expect(await wait([sentinel])).toEqual([sentinel])
  expect([child.isAlive(), await child.join({ timeout: 0 })]).toEqual([false, true])
  for (const end of [here, there]) end.close()
})

it('cpython: _TestProcess.test_close — refused while it runs; afterwards every use is, closing again is not, and the object can be collected', async () => {
  const [here, there] = Pipe<string>()
  const ref = await (async () => {
    const child = new Process({ target: async (there: Connection) => void (await there.recv()), args: [there] }).start()
    expect(child.isAlive()).toBe(true)
    expect(await codeOf(() => child.close())).toBe('ERR_MULTIPROC_ALREADY_STARTED')
    await here.send('end')
    await child.join()
    expect(child.exitCode).toBe(0)
    child.close()
    for (const use of [() => child.isAlive(), () => child.join(), () => child.terminate(), () => child.exitCode, () => child.pid]) {
      expect(await codeOf(use)).toBe('ERR_MULTIPROC_CLOSED')
    }
    child.close()
    return new WeakRef(child)
  })()
  await collected('the closed process', ref)
  for (const end of [here, there]) end.close()
})

it('cpython: _TestProcess.test_many_processes — many short children end with 0, as many terminated right after their start with -15', async () => {
  const short = Array.from({ length: 5 }, () => new Process({ target: nothing }).start())
  await Promise.all(short.map((child) => child.join()))
  expect(short.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0, 0])
  const terminated = Array.from({ length: 5 }, () => new Process({ target: idle }).start())
  for (const child of terminated) child.terminate()
  for (const child of terminated) child.joinSync()
  expect(terminated.map(({ exitCode }) => exitCode)).toEqual([-15, -15, -15, -15, -15])
})

it("cpython: _TestProcess.test_lose_target_ref — a started process no longer keeps its target", async () => {
  const [child, ref] = (() => {
    const target = Object.assign(() => 7, {})
    return [new Process({ target }).start(), new WeakRef(target)] as const
  })()
  expect(await child.result()).toBe(7)
  await collected('the target', ref)
  child.close()
})

it('cpython: _TestProcess.test_child_fd_inflation — a child has as many descriptors open, whatever the number of its siblings', async () => {
  const count = async () => {
    const { readdirSync } = await import('node:fs')
    return readdirSync('/proc/self/fd').length
  }
  const alone = await new Process({ target: count }).start().result()
  const siblings = Array.from({ length: 5 }, () => new Process({ target: idle, daemon: true }).start())
  expect(await new Process({ target: count }).start().result()).toBe(alone)
  for (const sibling of siblings) sibling.kill()
  await Promise.all(siblings.map((sibling) => sibling.join()))
})

it('cpython: _TestProcess.test_wait_for_threads — a child ends after its own threads, unless they are unreferenced', async () => {
  const [here, there] = Pipe<string>({ duplex: false })
  const target = async (there: Connection, daemonThread: boolean) => {
    const { Worker } = await import('node:worker_threads')
    const thread = new Worker(`setTimeout(() => require('node:worker_threads').parentPort.postMessage('thread done'), ${daemonThread ? 600_000 : 300})`, { eval: true })
    thread.once('message', (text: string) => there.sendSync(text))
    if (daemonThread) thread.unref()
  }
  const children = [false, true].map((daemonThread) => new Process({ target, args: [there, daemonThread] }).start())
  there.close()
  await Promise.all(children.map((child) => child.join()))
  const said: string[] = []
  for await (const text of here) said.push(text)
  expect([said, children.map(({ exitCode }) => exitCode)]).toEqual([['thread done'], [0, 0]])
  here.close()
})
