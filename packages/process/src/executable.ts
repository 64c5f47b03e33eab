import { argumentType } from '@multiproc/core'
import { fileURLToPath } from 'node:url'

let chosen: string | undefined

/**
 * Chooses the Node that runs the processes started from now on, in place of `process.execPath`. Not inherited by them.
 *
 * @param path - a file, as a string, a Buffer or a file URL. Whether it is there is seen at the first start.
 * @throws TypeError for anything else.
 * @remarks Threads have none. Python: `multiprocessing.set_executable(executable)`.
 * @example setExecutable('/opt/node-24/bin/node')
 */
export function setExecutable(path: string | Uint8Array | URL): void {
  const text = path instanceof Uint8Array ? Buffer.from(path).toString() : path instanceof URL && path.protocol === 'file:' ? fileURLToPath(path) : path
  if (typeof text !== 'string' || text === '') throw argumentType('`setExecutable()`: path', 'a path: a string, a Buffer or a file URL', path)
  chosen = text
}

export function executable(): string {
  return chosen ?? process.execPath
}
