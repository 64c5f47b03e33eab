import { readSync } from 'node:fs'
import { T_PID, T_PIPE_INODE, T_PIPE_NUMBER, T_START, type ThreadTable } from '../arena/thread-table.ts'
import type { Os, PipeName } from '../os/contract.ts'

const byte = Buffer.alloc(1)

/**
 * Looks whether a thread ended, where the system marks nothing: nobody but that thread holds the write end of its life
 * pipe. Marks its life word if so.
 */
export function probeDeath(os: Os, table: ThreadTable, id: number, place = ''): void {
  const pid = table.ops.load(table.words, table.at(id, T_PID))
  const name: PipeName = {
    number: table.ops.load(table.words, table.at(id, T_PIPE_NUMBER)),
    inode: table.ops.load(table.words, table.at(id, T_PIPE_INODE)),
    ...(place !== '' && { place }),
  }
  const fd = name.number === 0 ? -1 : os.reopenPipe(pid, name, 'read')
  if (fd < 0) {
    if (os.isProcessDead(pid, table.ops.load(table.words, table.at(id, T_START)))) table.markDead(id)
    return
  }
  try {
    if (readSync(fd, byte) === 0) table.markDead(id)
  } catch {
    // EAGAIN: there is a writer, so the thread lives.
  } finally {
    os.closeFd(fd)
  }
}
