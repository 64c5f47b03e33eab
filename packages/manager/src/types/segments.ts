import { SharedMemory } from '@multiproc/shared'
import { builtin } from './managed-type.ts'

/** Names of shared memory that go with this server, however it exits; a SharedMemoryManager's. */
const names = new Set<string>()

export const segments = builtin<Set<string>>({
  create: () => new Set(),
  exposed: {
    add(own, name: string) {
      if (names.size === 0) process.on('exit', unlinkAll)
      names.add(name)
      own.add(name)
    },
  },
  dispose(own) {
    for (const name of own) unlinkSegment(name)
    for (const name of own) names.delete(name)
  },
})

function unlinkAll(): void {
  for (const name of names) unlinkSegment(name)
}

/** Whoever is first. */
export function unlinkSegment(name: string): void {
  try {
    using memory = new SharedMemory({ name, create: false })
    memory.unlink()
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MULTIPROC_NOT_FOUND') throw error
  }
}
