/** Under this a handle has the view that stands for it: what a receiver gets in place of a sent view. */
export const SHARED_VIEW = Symbol.for('multiproc.view')

const owners = new WeakMap<ArrayBufferView, object>()
const sharedMemory = new WeakSet<ArrayBufferLike>()

/**
 * From now on sending `view` sends `handle`, which has the view under `SHARED_VIEW` at the other end, too: memory that
 * both sides see travels by reference.
 */
export function registerSharedView(view: ArrayBufferView, handle: object): void {
  owners.set(view, handle)
  sharedMemory.add(view.buffer)
}

/** The handle that `view` stands for. */
export function ownerOfView(view: ArrayBufferView): object | undefined {
  return owners.get(view)
}

/** True for memory that views of handles lie in: a copy of the whole buffer would send what belongs to others. */
export function isSharedMemory(buffer: ArrayBufferLike): boolean {
  return sharedMemory.has(buffer)
}
