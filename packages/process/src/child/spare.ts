import { closeSync, readSync, writeSync } from 'node:fs'
import { resolveImport } from '@multiproc/closure'
import { decode, encode, os, preloadFunctions } from '@multiproc/core'
import { CRASHED, START_FD, type StartBody, type StartHead } from '../protocol.ts'
import { cpuCount } from '../cpu-count.ts'
import { become } from '../self.ts'
import { filesOfProcess, type StartLink } from '../start-link.ts'
import { dieWithStarter } from './orphan.ts'

/** Tells its starter that it may be handed out. */
const WARM = Buffer.from('w')

/** What a spare does: it loads modules, then sleeps until it is needed. */
export async function untilNeeded(spare: StartLink): Promise<StartLink> {
  const ignore = (): void => {}
  process.on('SIGINT', ignore)
  const dies = dieWithStarter(spare.head)
  await preload(spare)
  // In vain if a file of the library was replaced meanwhile: what is to come may be loaded all the same.
  await rehearse().catch(() => {})
  writeSync(START_FD, WARM)
  // Blocking: nothing of this process runs meanwhile, and the end of its parent wakes it.
  if (readSync(START_FD, Buffer.alloc(1)) === 0) process.exit(0)
  closeSync(START_FD)
  const start = filesOfProcess() as StartLink
  become(start)
  if (dies) os().dieWithParent(0)
  process.off('SIGINT', ignore)
  return start
}

/** Decodes and runs a target as a child does, so that the code for what is to come is compiled by then. */
async function rehearse(): Promise<void> {
  const rehearsal: StartBody = { target: cpuCount, args: [], kwargs: undefined, class: undefined, this: undefined }
  const body = Buffer.from(encode(rehearsal, '').bytes)
  await preloadFunctions(body)
  const { target } = decode(body) as StartBody
  encode(target?.(), 'result')
}

async function preload({ head, writeResult }: StartLink): Promise<void> {
  const { modules, base, onError } = head.spare as NonNullable<StartHead['spare']>
  for (const module of modules) {
    try {
      await import(resolveImport(module, base))
    } catch (error) {
      if (onError === 'warn') process.emitWarning(`setPreload(): ${module} could not be loaded: ${String(error)}`)
      if (onError !== 'throw') continue
      writeResult(CRASHED, encode(error, 'error').bytes, false)
      process.exit(1)
    }
  }
}
