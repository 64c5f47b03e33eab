/**
 * The doorbell of a thread whose pipe others may not open: /proc/<pid>/fd is closed to them once either side dropped its
 * privileges. It is a socket under a name without a file; being connected to is the ring. State stays where it is, in BELL.
 *
 * Slower than the pipe (a connection for each ring), and whether the ring arrived is only learned later, so RUNG is never
 * set by it. Any user of the machine may ring: that costs a needless look and tells nothing.
 */
import { connect, createServer } from 'node:net'

function nameOf(pid: number, inode: number): string {
  return `\0multiproc-bell-${pid}-${inode >>> 0}`
}

export function openSideBell(pid: number, inode: number, heard: () => void): void {
  const server = createServer((ringer) => {
    ringer.on('error', () => {})
    ringer.destroy()
    heard()
  })
  server.on('error', () => {})
  // Exclusive: in a worker of Node's cluster it would be the primary's socket otherwise.
  server.listen({ path: nameOf(pid, inode), exclusive: true })
  server.unref()
}

/** Connecting needs no turn of either event loop, so this rings even if the caller blocks right afterwards. */
export function ringSideBell(pid: number, inode: number): void {
  const socket = connect({ path: nameOf(pid, inode) })
  socket.on('error', () => {})
  socket.destroy()
}
