import { os } from '@multiproc/core'

let parentPipe: number | undefined

/** The read end of a pipe whose write end this process keeps until it ends, however that comes about. */
export function lifeOfThisProcess(): number {
  return (parentPipe ??= os().openPipe().readFd)
}
