import { argumentValue, checkOptions } from '@multiproc/core'
import * as lock from '@multiproc/lock'
import * as manager from '@multiproc/manager'
import * as pipe from '@multiproc/pipe'
import * as pools from '@multiproc/pool'
import { Pool, type PoolOptions } from '@multiproc/pool'
import * as processes from '@multiproc/process'
import { getAllStartMethods, getStartMethod, processClass, type Process, type StartMethod } from '@multiproc/process'
import * as queue from '@multiproc/queue'
import * as shared from '@multiproc/shared'

type Api = typeof processes & typeof queue & typeof pipe & typeof lock & typeof shared & typeof pools & typeof manager

/** Everything this package exports (errors apart), with one start method. Made by `getContext`. */
export interface Context extends Omit<Api, 'internals' | 'processClass' | 'Process' | 'Pool' | 'getStartMethod' | 'setStartMethod'> {
  /** A class of its own, `SpawnProcess`, `PreforkProcess` or `ThreadProcess`, which may be extended. */
  readonly Process: typeof Process
  readonly Pool: typeof Pool
  readonly getStartMethod: (options?: { allowNone?: boolean }) => StartMethod
  readonly setStartMethod: (method: StartMethod, options?: { force?: boolean }) => void
  readonly getContext: typeof getContext
}

const contexts = new Map<StartMethod, Context>()

/**
 * The whole API bound to one start method, whatever `setStartMethod` says: for a library that must not choose for its
 * users. All else in it is the same: a queue of one context works with processes of another.
 *
 * @param method - default: the one in use now.
 * @returns the same object for the same method.
 * @throws RangeError ERR_MULTIPROC_ARG_VALUE for no start method.
 * @remarks Its own `setStartMethod` takes no other method. Python: `multiprocessing.get_context(method)`.
 * @example const { Process, Pool } = getContext('thread')
 */
export function getContext(method: StartMethod = getStartMethod()): Context {
  const found = contexts.get(method)
  if (found !== undefined) return found
  if (!getAllStartMethods().includes(method)) throw argumentValue('`getContext()`: method', "'spawn', 'prefork' or 'thread'", method)
  const { internals: _, processClass: __, ...forPrograms } = processes
  const context: Context = {
    ...forPrograms, ...queue, ...pipe, ...lock, ...shared, ...pools, ...manager,
    Process: processClass(method),
    Pool: poolClass(method),
    getStartMethod(options) {
      checkOptions('`getStartMethod()`', options, ['allowNone'])
      return method
    },
    setStartMethod(other, options) {
      checkOptions('`setStartMethod()`', options, ['force'])
      if (other !== method) throw argumentValue('`context.setStartMethod()`: method', `'${method}', which this context is bound to; call the package's own setStartMethod()`, other)
    },
    getContext: (other = method) => getContext(other),
  }
  contexts.set(method, context)
  return context
}

function poolClass(method: StartMethod): typeof Pool {
  return class extends Pool {
    static override readonly name = 'Pool'
    constructor(options?: number | PoolOptions, ...more: never[]) {
      const given = typeof options === 'number' ? { processes: options } : options === undefined ? {} : options
      super(typeof given === 'object' && given !== null ? { method, ...given } : given, ...more)
    }
  }
}
