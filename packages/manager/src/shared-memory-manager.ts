import { randomBytes } from 'node:crypto'
import { ShareableList, SharedMemory } from '@multiproc/shared'
import type { ShareableItem } from '@multiproc/shared'
import { BaseManager } from './base-manager.ts'
import { call } from './proxy.ts'
import { makeLibraryClass } from './registrations.ts'
import { unlinkSegment } from './types/segments.ts'

/**
 * Makes named shared memory that is unlinked at `shutdown()`, and when this process or the server exits, whoever is first;
 * also when one of the two was killed. Only if both are killed at once does it stay: `npx multiproc doctor` lists it.
 *
 * @remarks Python: `multiprocessing.managers.SharedMemoryManager`.
 * @example
 * await using manager = new SharedMemoryManager().start()
 * const memory = manager.sharedMemory(1024)
 * const names = manager.shareableList(['ada', 1, null])
 */
export class SharedMemoryManager extends BaseManager {
  readonly #names = new Set<string>()
  #segments: object | undefined
  readonly #unlinkAll = (): void => {
    for (const name of this.#names) unlinkSegment(name)
    this.#names.clear()
    process.off('exit', this.#unlinkAll)
  }

  /** A named block of so many bytes. @throws ERR_MULTIPROC_NOT_STARTED; as `new SharedMemory()`. */
  sharedMemory(size: number): SharedMemory {
    return new SharedMemory({ name: this.#newName(), size, create: 'exclusive' })
  }

  /** A list of values in a named block. @throws as `new ShareableList()`. */
  shareableList<T extends readonly ShareableItem[]>(items: T): ShareableList<T> {
    return new ShareableList(items, { name: this.#newName() })
  }

  /** Ends the server and unlinks the memory; who has it open goes on. */
  override async shutdown(): Promise<void> {
    await super.shutdown()
    this.#unlinkAll()
  }

  /** Both know it before it exists, so that neither's death leaves it behind. */
  #newName(): string {
    this.#segments ??= this.create('segments', [])
    const name = `mp-${process.pid}-${randomBytes(8).toString('hex')}`
    call(this.#segments, 'add', [name]).catch(() => {})
    if (this.#names.size === 0) process.on('exit', this.#unlinkAll)
    this.#names.add(name)
    return name
  }

  static {
    makeLibraryClass(this)
  }
}
