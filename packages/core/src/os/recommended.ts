import { MultiprocError } from '../errors/base.ts'
import type { Os } from './contract.ts'
import { openLinux } from './linux.ts'
import { openPortable } from './portable.ts'

/**
 * Which backend a platform gets. Linux: its own, whose kernel tells of deaths and wakes sleepers. Other POSIX systems: the
 * portable one. `MULTIPROC_BACKEND=portable` forces the latter; a family uses one backend, so its children inherit it.
 */
let opened: Os | undefined

/** The backend of this thread. The first call loads koffi; importing core never does. */
export function os(): Os {
  opened ??= openRecommended()
  return opened
}

function openRecommended(): Os {
  const wanted = process.env.MULTIPROC_BACKEND || (process.platform === 'linux' ? 'linux' : 'portable')
  try {
    if (wanted === 'portable') return openPortable()
    if (wanted === 'linux') return openLinux()
    throw new Error(`MULTIPROC_BACKEND is ${wanted}, and there are only linux and portable`)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MultiprocError(
      'ERR_MULTIPROC_UNSUPPORTED',
      `shared memory is not available here: ${reason}. It needs the package koffi on Linux or macOS; functions that share nothing work without it.`,
      { cause, details: { platform: process.platform, arch: process.arch, reason } },
    )
  }
}
