import { channel } from 'node:diagnostics_channel'

/** What subscribers of `multiproc:pool:task:…` get. */
export interface TaskMessage {
  readonly pool: string
  readonly id: number
  /** The call that made it: `pool.map()`. */
  readonly call: string
  readonly items: number
  /** How long it ran in its worker, and from its submission to its end; at the end only. */
  readonly runMs?: number
  readonly totalMs?: number
  /** What it failed with, if it did. */
  readonly error?: unknown
}

export const submitChannel = channel('multiproc:pool:task:submit')
export const endChannel = channel('multiproc:pool:task:end')
export const retryChannel = channel('multiproc:pool:task:retry')
