import { Socket } from 'node:net'
import { T_PIPE_INODE, T_PIPE_NUMBER, type ThreadTable } from '../arena/thread-table.ts'
import type { Os } from '../os/contract.ts'

/**
 * Opens this thread's life pipe: the only write end there is. Whoever reads it in an event loop reads its end when the
 * thread is gone. The end belongs to a handle of the loop, because a bare descriptor of a Worker outlives `terminate()`.
 */
export function openLifePipe(os: Os, table: ThreadTable, id: number): Socket {
  const pipe = os.openPipe()
  os.closeFd(pipe.readFd)
  const socket = new Socket({ fd: pipe.writeFd, readable: false, writable: true })
  socket.on('error', () => {})
  socket.unref()
  table.ops.store(table.words, table.at(id, T_PIPE_INODE), pipe.inode)
  // PUBLISH(L1): the inode by which a watcher knows that it opened the right pipe.
  table.ops.store(table.words, table.at(id, T_PIPE_NUMBER), pipe.number)
  return socket
}
