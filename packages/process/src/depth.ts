import { MultiprocError } from '@multiproc/core'

/**
 * How deep processes may nest. The main process reads it from its environment; from there it travels in the payload, so
 * that an `env` option that drops the variable cannot lift the limit.
 */
export const DEFAULT_MAX_DEPTH = 10

export function maxDepthFrom(env: NodeJS.ProcessEnv): number {
  const text = env['MULTIPROC_MAX_DEPTH']
  if (text === undefined || text === '') return DEFAULT_MAX_DEPTH
  const limit = Number(text)
  return Number.isInteger(limit) && limit >= 0 ? limit : DEFAULT_MAX_DEPTH
}

export function checkDepth(depth: number, maxDepth: number): void {
  if (depth <= maxDepth) return
  throw new MultiprocError(
    'ERR_MULTIPROC_DEPTH',
    `\`process.start()\` failed: this process is nested ${depth - 1} deep and MULTIPROC_MAX_DEPTH is ${maxDepth}. Does a child start itself? If not, raise MULTIPROC_MAX_DEPTH.`,
    { details: { depth, maxDepth } },
  )
}
