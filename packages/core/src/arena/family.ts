import { getEnvironmentData, isMainThread, setEnvironmentData, Worker } from 'node:worker_threads'
import type { Thread } from '../contracts/thread.ts'
import { MultiprocError } from '../errors/base.ts'
import { os } from '../os/recommended.ts'
import { Arena, checkLayout, type FamilyDescriptor } from './arena.ts'
import { LAYOUT_VERSION } from './layout.ts'

/**
 * What one thread has of its family. There is one record per thread, even with two copies of this package or with a vm
 * context of a test runner: a second one would take the kernel's robust list away from the first. So it hangs on an object
 * of Node's own that all of them see.
 */
interface Membership {
  readonly layout: number
  /** The file of the copy that made the record, for messages. */
  readonly copy: string
  descriptor: FamilyDescriptor | undefined
  arena: Arena | undefined
  thread: Thread | undefined
}

const key = Symbol.for('multiproc.membership')
/** Threads of this process find the family under this name, without being told. */
const environmentKey = 'multiproc.family'

let own: Membership | undefined

export function membership(): Membership {
  if (own !== undefined) return own
  const carrier = Worker as unknown as { [key]?: Membership }
  const found = carrier[key]
  if (found !== undefined) {
    checkLayout(found.layout, found.copy)
    return (own = found)
  }
  const inherited = isMainThread ? undefined : (getEnvironmentData(environmentKey) as FamilyDescriptor | undefined)
  own = { layout: LAYOUT_VERSION, copy: import.meta.url, descriptor: inherited, arena: undefined, thread: undefined }
  Object.defineProperty(carrier, key, { value: own, configurable: true })
  return own
}

/** The shared memory of this thread's family. A main process that joined none founds one. */
export function arena(): Arena {
  const member = membership()
  if (member.arena !== undefined) return member.arena
  if (member.descriptor === undefined) {
    member.arena = Arena.create(os())
    member.descriptor = { fd: member.arena.fd, layout: LAYOUT_VERSION }
    tellThreads(member.descriptor)
  } else {
    checkLayout(member.descriptor.layout)
    member.arena = Arena.join(os(), member.descriptor)
  }
  return member.arena
}

/** What a child needs to join: it inherits `fd`. Founds the family if there is none yet. */
export function familyDescriptor(): FamilyDescriptor {
  const { fd } = arena()
  return { fd, layout: LAYOUT_VERSION }
}

/** Joins the family of `descriptor`: in a child or a Worker, before the first use. Costs nothing until then. */
export function joinFamily(descriptor: FamilyDescriptor): void {
  checkLayout(descriptor.layout)
  const member = membership()
  if (member.arena !== undefined && member.arena.fd !== descriptor.fd) {
    throw new MultiprocError(
      'ERR_MULTIPROC_FOREIGN',
      `joinFamily() failed: this thread is a member of another family already (descriptor ${member.arena.fd}). Join before any handle is made.`,
      { details: { fd: descriptor.fd, member: member.arena.fd } },
    )
  }
  member.descriptor = descriptor
  tellThreads(descriptor)
}

function tellThreads({ fd, layout }: FamilyDescriptor): void {
  setEnvironmentData(environmentKey, { fd, layout })
}
