import { Process } from './process.ts'
import type { StartMethod } from './protocol.ts'
import { checkMethod } from './settings.ts'
import { PLAIN } from './state.ts'

/**
 * `Process` with another default for the option `method`. Its subclasses travel like those of `Process`. Python:
 * `get_context(method).Process`.
 *
 * @example class Crawler extends processClass('thread') { run() { … } }
 */
export function processClass(method: StartMethod): typeof Process {
  checkMethod('`processClass()`: method', method)
  const known = classes.get(method)
  if (known !== undefined) return known
  class BoundProcess extends Process {
    constructor(options?: object) {
      super({ method, ...options })
    }
  }
  const [first = '', ...rest] = method
  Object.defineProperty(BoundProcess, 'name', { value: `${first.toUpperCase()}${rest.join('')}Process` })
  Object.defineProperty(BoundProcess, PLAIN, { value: true })
  classes.set(method, BoundProcess as typeof Process)
  return BoundProcess as typeof Process
}

const classes = new Map<StartMethod, typeof Process>()
