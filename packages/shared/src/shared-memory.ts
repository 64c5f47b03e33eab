import { argumentType, argumentValue, checkOptions, closedError, registerHandle, registerSharedView, SHARED_VIEW } from '@multiproc/core'
import { BLOCK_VERSION, SharedBlock, type Pages } from './block.ts'
import { checkName, openNamed, unlinkNamed, type Create } from './named-memory.ts'
import { elementType, type ArrayOf, type TypeName, type Typecode, type View } from './types.ts'

export interface SharedMemoryOptions {
  /** For unrelated programs of one user; Python's `SharedMemory(name)` is the same memory. Without it: pass the handle. */
  readonly name?: string | undefined
  /** With a name: true (default) opens or creates, false opens only, `'exclusive'` creates only. */
  readonly create?: Create | undefined
  /** Bytes. Needed to create, ignored to open. */
  readonly size?: number | undefined
}

/** What is to be given back when nobody can reach the memory any more. */
interface Resource {
  pages: Pages
  block: SharedBlock | undefined
}

/**
 * Bytes that processes share. `view` and `bytes` are ordinary typed arrays over the memory itself.
 *
 * @remarks
 * Views sent to another process arrive as views of the same memory. After `close()` views read private zeros, never a fault.
 * Memory without a name takes pages only as they are touched, and goes with its last handle; named memory takes all of them at
 * once, has mode 0600, and stays until `unlink()`. Another program that makes a named file shorter ends whoever touches what
 * was there (SIGBUS). Python: `multiprocessing.shared_memory.SharedMemory`; no tracker unlinks behind your back.
 *
 * @example
 * const memory = new SharedMemory({ size: 1024 })
 * memory.view('float64', 0, 4)[0] = 1.5
 */
export class SharedMemory implements Disposable {
  /** Undefined for memory without a name. */
  readonly name: string | undefined
  readonly size: number
  readonly #buffer: ArrayBuffer
  readonly #resource: Resource
  readonly #inode: bigint | undefined
  #bytes: Uint8Array | undefined
  #closed = false

  /**
   * @throws ERR_MULTIPROC_EXISTS, ERR_MULTIPROC_NOT_FOUND, ERR_MULTIPROC_NO_MEMORY, ERR_MULTIPROC_FOREIGN (another user's);
   * ERR_MULTIPROC_ARG_TYPE, ERR_MULTIPROC_ARG_VALUE, ERR_MULTIPROC_UNKNOWN_OPTION.
   */
  constructor(options: SharedMemoryOptions) {
    const revived = options as unknown
    if (revived instanceof SharedBlock) {
      this.name = undefined
      this.size = revived.size
      this.#buffer = this.#take(revived)
      this.#resource = this.#register({ pages: pagesOf.get(this.#buffer) as Pages, block: revived })
      return
    }
    const call = 'new SharedMemory()'
    const { name, create, size } = checkMemoryOptions(call, options)
    this.name = name
    if (name === undefined) {
      const block = SharedBlock.create(size as number)
      this.size = block.size
      this.#buffer = this.#take(block)
      this.#resource = this.#register({ pages: pagesOf.get(this.#buffer) as Pages, block })
    } else {
      const memory = openNamed(call, name, create, size)
      this.size = memory.size
      this.#inode = memory.inode
      this.#buffer = memory.buffer
      this.#resource = this.#register({ pages: memory.pages, block: undefined })
    }
  }

  /** All bytes. */
  get bytes(): Uint8Array {
    return (this.#bytes ??= this.view('uint8'))
  }

  /**
   * A typed array over the memory.
   *
   * @param offset - bytes from the start, a multiple of the type's size; default 0.
   * @param length - elements; default as many as fit.
   */
  view<N extends TypeName | Typecode>(type: N, offset = 0, length?: number): ArrayOf<N> {
    const call = 'sharedMemory.view()'
    if (this.#closed) throw closedError(`\`${call}\``)
    const element = elementType(call, type)
    checkCount(`${call}: offset`, offset, this.size)
    if (offset % element.bytes !== 0) throw argumentValue(`${call}: offset`, `a multiple of ${element.bytes} for ${element.name}`, offset)
    const most = Math.floor((this.size - offset) / element.bytes)
    if (length !== undefined) checkCount(`${call}: length`, length, most)
    const view = new element.View(this.#buffer, offset, length ?? most)
    registerSharedView(view, new SentView(this, type, offset, view.length, view))
    return view as ArrayOf<N>
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Gives this handle up, and empties its views. The memory stays for the others. Closing twice is harmless. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    collected.unregister(this)
    free(this.#resource)
  }

  /**
   * Removes the name: nobody can open it any more; who has it open goes on. Memory without a name needs none: nothing is done.
   *
   * @throws ERR_MULTIPROC_NOT_FOUND if it was unlinked before, by whomever.
   */
  unlink(): void {
    if (this.name !== undefined) unlinkNamed('`sharedMemory.unlink()`', this.name, this.#inode as bigint)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** How it travels: without a name by its block; with one by the name, beside a block that only says so. */
  static sent(memory: SharedMemory) {
    const { handle, holders } = memory.#blockToSend().sent()
    return { handle, holders, extra: memory.name }
  }

  /** The memory that `sent` told of. */
  static received(place: { offset: number; generation: number }, name: unknown): SharedMemory {
    if (name === undefined) return new SharedMemory(SharedBlock.attach(place) as never)
    checkName('a received SharedMemory: name', name)
    return new SharedMemory({ name, create: false })
  }

  #blockToSend(): SharedBlock {
    if (this.#closed) throw closedError('sending a SharedMemory')
    return (this.#resource.block ??= retained(SharedBlock.create(8)))
  }

  #take(block: SharedBlock): ArrayBuffer {
    retained(block)
    try {
      const { pages, buffer } = block.map()
      pagesOf.set(buffer, pages)
      return buffer
    } catch (error) {
      block.release()
      throw error
    }
  }

  #register(resource: Resource): Resource {
    owners.set(this.#buffer, this)
    collected.register(this, resource, this)
    return resource
  }

  static {
    registerHandle<SharedMemory>({
      class: SharedMemory,
      name: 'shared.SharedMemory',
      package: '@multiproc/shared',
      version: BLOCK_VERSION,
      module: import.meta.url,
      reduce: (memory) => SharedMemory.sent(memory),
      revive: ({ extra, ...place }) => SharedMemory.received(place, extra),
    })
  }
}

/** What travels in place of a view. */
class SentView {
  readonly memory: SharedMemory
  readonly type: TypeName | Typecode
  readonly offset: number
  readonly length: number
  /** Weak: it is what keeps this object, by the table of shared views. */
  readonly #view: WeakRef<View>

  constructor(memory: SharedMemory, type: TypeName | Typecode, offset: number, length: number, view: View) {
    this.memory = memory
    this.type = type
    this.offset = offset
    this.length = length
    this.#view = new WeakRef(view)
  }

  get closed(): boolean {
    return this.memory.closed
  }

  get [SHARED_VIEW](): View | undefined {
    return this.#view.deref()
  }

  static {
    registerHandle<SentView>({
      class: SentView,
      name: 'shared.View',
      package: '@multiproc/shared',
      version: BLOCK_VERSION,
      module: import.meta.url,
      reduce: ({ memory, type, offset, length }) => {
        const { extra, ...rest } = SharedMemory.sent(memory)
        return { ...rest, extra: [extra, type, offset, length] }
      },
      revive: ({ extra, ...place }) => {
        const [name, type, offset, length] = extra as [unknown, TypeName, number, number]
        const memory = SharedMemory.received(place, name)
        const view = memory.view(type, offset, length)
        return new SentView(memory, type, offset, length, view)
      },
    })
  }
}

function retained(block: SharedBlock): SharedBlock {
  block.retain()
  return block
}

/** A view of the memory keeps its handle, and so the memory: views know their buffer only. */
const owners = new WeakMap<ArrayBuffer, SharedMemory>()
const pagesOf = new WeakMap<ArrayBuffer, Pages>()
const collected = new FinalizationRegistry<Resource>(free)

function free({ pages, block }: Resource): void {
  pages.blank()
  block?.release()
}

function checkMemoryOptions(call: string, options: SharedMemoryOptions): { name: string | undefined; create: Create; size: number | undefined } {
  if (options === undefined) throw argumentType(`${call}: options`, 'an object with `size`, or `name`', options)
  checkOptions(call, options, ['name', 'create', 'size'])
  const { name, create = true, size } = options
  if (name !== undefined) checkName(`${call}: options.name`, name)
  if (create !== true && create !== false && create !== 'exclusive') throw argumentValue(`${call}: options.create`, "true, false or 'exclusive'", create)
  if (name === undefined && create === false) throw argumentValue(`${call}: options.name`, 'given with { create: false }', name)
  if (size !== undefined && create !== false) {
    if (typeof size !== 'number') throw argumentType(`${call}: options.size`, 'a number of bytes', size)
    if (!Number.isSafeInteger(size) || size < 1) throw argumentValue(`${call}: options.size`, 'an integer from 1 on', size)
  }
  if (name === undefined && size === undefined) throw argumentType(`${call}: options.size`, 'a number of bytes', size)
  return { name, create, size }
}

function checkCount(what: string, count: unknown, most: number): void {
  if (typeof count !== 'number') throw argumentType(what, 'a number', count)
  if (!Number.isInteger(count) || count < 0 || count > most) throw argumentValue(what, `an integer from 0 to ${most}`, count)
}
