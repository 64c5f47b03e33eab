/**
 * Two connected ends in shared memory, between processes and threads of one program.
 *
 * ```ts
 * import { Pipe, type Connection } from '@multiproc/pipe'
 * import { Process } from '@multiproc/process'
 *
 * const [here, there] = Pipe()
 * new Process({ target: (there: Connection) => there.send('hello'), args: [there] }).start()
 * console.log(await here.recv()) // => hello
 * ```
 *
 * Limits: between processes that this library started; connections between programs and machines (`Listener`, `Client`)
 * are to come.
 *
 * @packageDocumentation
 */
export { Connection, type ByteRange, type LengthLimit, type TargetOffset } from './connection.ts'
export { Pipe, type PipeOptions } from './pipe.ts'
export { wait, waitSync } from './wait.ts'
export { AbortError, BufferTooShort, EOFError, move, MultiprocError, registerReducer, TimeoutError } from '@multiproc/core'
export type { SyncWaitOptions, Waitable, WaitOptions } from '@multiproc/core'
