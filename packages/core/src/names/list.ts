import { closeSync } from 'node:fs'
import { os } from '../os/recommended.ts'
import { NamesFolder } from './folder.ts'
import { describe, type NamedFile, removeUnused } from './segment.ts'

/** All named objects of this user, as tools show them; nothing is opened for use. */
export function listNames(): NamedFile[] {
  const list = NamesFolder.exclusively('listNames()', false, (folder) =>
    folder.names().map((name): NamedFile => {
      let fd: number | undefined
      try {
        fd = folder.open('listNames()', name)
        const isUsed = fd !== undefined && !os().lockFile(fd, 'exclusive', 0)
        return describe(name, fd!, isUsed)
      } catch {
        return { name, kind: 0, isUsed: true, users: [], holder: undefined }
      } finally {
        if (fd !== undefined) closeSync(fd)
      }
    }),
  )
  return list ?? []
}

/** Removes the files that kills have left, those of locks that were held included. Returns the names. */
export function sweepNames(): string[] {
  return NamesFolder.exclusively('sweepNames()', false, (folder) => {
    const removed = removeUnused('sweepNames()', folder, false)
    folder.removeIfEmpty()
    return removed
  }) ?? []
}
