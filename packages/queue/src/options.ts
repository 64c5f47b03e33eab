import { argumentType, argumentValue, checkOptions } from '@multiproc/core'
import { SharedQueue } from './store/shared-queue.ts'

export interface QueueOptions {
  /** Items that may wait in the queue; 0 or none: no limit. */
  readonly maxSize?: number | undefined
  /** Encoded bytes that may wait in the queue; 0 or none: no limit. A larger item is let in while the queue is empty. */
  readonly maxBytes?: number | undefined
}

export function createShared(call: string, options: number | QueueOptions | undefined, joinable: boolean): SharedQueue {
  if (typeof options !== 'number') checkOptions(call, options, ['maxSize', 'maxBytes'])
  const { maxSize, maxBytes } = typeof options === 'number' ? { maxSize: options, maxBytes: 0 } : (options ?? {})
  return SharedQueue.create(checkLimit(`${call}: maxSize`, maxSize, 2 ** 31 - 1), checkLimit(`${call}: maxBytes`, maxBytes, 2 ** 33), joinable)
}

/** As in Python, zero and less mean no limit. */
function checkLimit(name: string, value: number | undefined, most: number): number {
  if (value === undefined) return 0
  if (typeof value !== 'number') throw argumentType(name, 'a number', value)
  if (!Number.isInteger(value) || value > most) throw argumentValue(name, `a whole number up to ${most}`, value)
  return Math.max(0, value)
}

export function checkMax(call: string, max: number): void {
  if (typeof max !== 'number') throw argumentType(`${call}: max`, 'a number', max)
  if (!(max === Infinity || Number.isInteger(max)) || max < 1) throw argumentValue(`${call}: max`, 'a whole number, 1 or more', max)
}
