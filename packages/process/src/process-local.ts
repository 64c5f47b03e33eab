import { argumentType, closedError, MultiprocError } from '@multiproc/core'

/** What this thread made already, by the id of the handle: however often a handle arrives, its value is made once. */
const key = Symbol.for('multiproc.process-locals/1')
const made = ((globalThis as { [key]?: Map<string, Made> })[key] ??= new Map<string, Made>())

interface Made {
  value?: unknown
  state: 'making' | 'made'
}

/** Made by `processLocal`. */
export class ProcessLocal<T = unknown> {
  readonly #id: string
  readonly #init: () => T
  #closed = false

  /** @internal */
  constructor(id: string, init: () => T) {
    this.#id = id
    this.#init = init
  }

  /** @internal Read by the codec, which refuses closed handles. */
  get closed(): boolean {
    return this.#closed
  }

  /**
   * The value of this process (or thread), made by `init` at the first call. An `init` that throws is tried again by the
   * next call; a promise is kept as it is.
   *
   * @throws ERR_MULTIPROC_CLOSED after `close()`; ERR_MULTIPROC_DEADLOCK if `init` asks for its own value.
   * @example const rows = await connection.get().query('…')
   */
  get(): T {
    if (this.#closed) throw closedError('`processLocal.get()`')
    const found = made.get(this.#id)
    if (found?.state === 'made') return found.value as T
    if (found !== undefined) {
      throw new MultiprocError('ERR_MULTIPROC_DEADLOCK', '`processLocal.get()` failed: it was called by the function that makes the value. Make the value without it.')
    }
    const entry: Made = { state: 'making' }
    made.set(this.#id, entry)
    try {
      entry.value = this.#init()
      entry.state = 'made'
      return entry.value as T
    } finally {
      if (entry.state === 'making') made.delete(this.#id)
    }
  }

  /** Lets go of this process's value; other processes keep theirs. Closing twice is harmless. */
  close(): void {
    this.#closed = true
    made.delete(this.#id)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** @internal How it travels. */
  [Symbol.for('multiproc.reduce')](): [string, () => T] {
    if (this.#closed) throw closedError('sending a `ProcessLocal`')
    return [this.#id, this.#init]
  }

  /** @internal In the receiver. */
  static [Symbol.for('multiproc.rebuild')](id: string, init: () => unknown): ProcessLocal {
    return new ProcessLocal(id, init)
  }
}

/**
 * A value that each process makes for itself when it first asks: what cannot be sent, or should not be, such as a model, a
 * cache or a database connection. The handle can be captured, passed in `args` and sent; only `init` travels.
 *
 * @param init - makes the value; sent like any function, so what it captures are copies.
 * @throws TypeError if it is no function.
 * @remarks One value for each process, and for each child with `method: 'thread'`, until `close()` there or its end. Python
 *   has no counterpart: a global that a pool's initializer sets is used there.
 * @example
 * const db = processLocal(() => openDatabase('file.db'))
 * await pool.map((id) => db.get().find(id), ids)
 */
export function processLocal<T>(init: () => T): ProcessLocal<T> {
  if (typeof init !== 'function') throw argumentType('`processLocal()`: init', 'a function', init)
  return new ProcessLocal(crypto.randomUUID(), init)
}
