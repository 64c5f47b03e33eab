/** The start method 'spawn': a fresh Node for each process. */
import { familyDescriptor, os } from '@multiproc/core'
import { lifeOfThisProcess } from './life-of-this-process.ts'
import type { Starter } from './method.ts'
import { launchNode, NodeChild, nodePayload, surroundingsOf } from './node-child.ts'

export const spawn: Starter = {
  check() {},

  start({ head, body, settings, place, over }) {
    const arena = familyDescriptor()
    const open: number[] = []
    try {
      const payload = os().createSealed(nodePayload(head, body.bytes))
      open.push(payload)
      const result = os().createScratch()
      open.push(result)
      // Before the child runs: what the message carries must reach it even if this process ends at once.
      body.commit()
      const { stdio = 'inherit' } = settings
      const standard = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio]
      const child = launchNode(surroundingsOf(settings), [...standard, payload, result, lifeOfThisProcess(), arena.fd])
      place.started(child.pid as number)
      os().closeFd(payload)
      if (head.daemon) for (const stream of [child.stdin, child.stdout, child.stderr]) (stream as { unref?(): void } | null)?.unref?.()
      return new NodeChild(child, result, over)
    } catch (error) {
      open.forEach((fd) => os().closeFd(fd))
      throw error
    }
  },
}
