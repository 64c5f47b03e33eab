import { MultiprocError, ProcessError } from '@multiproc/core'
import { childEntryFor } from './child-entry.ts'
import { checkDepth } from './depth.ts'
import { isLoading, self } from './self.ts'

/** Whether `checkMayStart` would let this process start another. */
export function mayStart(): boolean {
  const { daemon, mayHaveChildren, depth, maxDepth } = self()
  return !isLoading() && (!daemon || mayHaveChildren) && depth < maxDepth
}

/** Throws where this process must not start another: the guards against programs that start themselves for ever. */
export function checkMayStart(): void {
  const { name, daemon, mayHaveChildren, depth, maxDepth } = self()
  if (isLoading()) {
    throw new MultiprocError(
      'ERR_MULTIPROC_BOOTSTRAP',
      `\`process.start()\` failed: ${name} is still loading the modules its own target needs, or was given the program to run again by a wrapper around Node, and every child would start children this way. Start processes inside a function, or behind \`if (isMainProcess)\`; let \`process.execPath\` be Node itself.`,
    )
  }
  if (daemon && !mayHaveChildren) {
    throw new ProcessError(
      'ERR_MULTIPROC_DAEMON_CHILD',
      `\`process.start()\` failed: ${name} is a daemon, and daemons may have no children. Make it with \`daemon: false\`, or start this process in its parent.`,
    )
  }
  checkDepth(depth + 1, maxDepth)
  childEntryFor('`process.start()`')
}
