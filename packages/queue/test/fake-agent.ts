import type { Agent } from '@multiproc/core'

/** An agent that runs alone: its thread is `id`, the threads in `dead` are dead, and nobody sleeps. */
export function loneAgent(id: number, dead: ReadonlySet<number>, ops: Agent['ops']): Agent {
  return {
    ops,
    id,
    isDead: (other) => dead.has(other),
    isParked: () => false,
    wake: () => {},
    park: () => {
      throw new Error('a lone agent would sleep for ever')
    },
    nowMs: () => performance.now(),
  }
}
