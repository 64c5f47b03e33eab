/**
 * The start method 'prefork': a Node that was started ahead of time and waits, with its modules loaded, for what to run. A
 * spare runs as it was born, so it serves only children with the same executable, environment, folder, user and options,
 * and with inherited streams; for any other, and while none is warm, a fresh process is spawned.
 *
 * State       set by                             legal next
 *   booting     bear()                             warm, gone
 *   warm        its byte at START_FD               handed out, gone
 *   handed out  start(): payload, then one byte    – (a child as any other)
 *   gone        its end; new settings              –
 *
 * Death of                  leaves                       who sees it, how
 *   a warm spare              a dead one in the list       start(): the kernel says so, or the event 'exit' came before
 *   a spare just handed out   a child that was killed      whoever joins it
 *   this process or thread    its spares                   they read the end of file at START_FD, or get SIGKILL
 */
import { ftruncateSync } from 'node:fs'
import type { Socket } from 'node:net'
import { decode, familyDescriptor, os } from '@multiproc/core'
import { endAtExit } from '../daemons.ts'
import { checkPreload, preloadFailed, spareCount, spareHead } from '../preload.ts'
import { CRASHED, START_FD, writeAll } from '../protocol.ts'
import { lifeOfThisProcess } from './life-of-this-process.ts'
import type { StartedChild, Starter, StartRequest } from './method.ts'
import { launchNode, NodeChild, nodePayload, surroundingsOf, type Surroundings } from './node-child.ts'
import { spawn } from './spawn.ts'

interface Spare {
  readonly child: NodeChild
  readonly start: Socket
  readonly payload: number
  /** What it was born with, as text to compare. */
  readonly surroundings: string
  readonly stopEndingAtExit: () => void
  /** It has read what it was born with and waits: before, its payload must not be written over. */
  isWarm: boolean
}

let spares: Spare[] = []
let refilling: NodeJS.Immediate | NodeJS.Timeout | undefined
/** A Node that boots takes a core, which the child just started may need more. */
const REFILL_DELAY_MS = 50

export const prefork: Starter = {
  check() {
    checkPreload()
  },

  start(request) {
    const spare = take(request)
    if (spares.length > 1) refilling ??= setTimeout(refill, REFILL_DELAY_MS).unref()
    else warmUp()
    return spare === undefined ? spawn.start(request) : handOut(spare, request)
  },
}

/** Starts the spares that are missing, one in each turn of the event loop. */
export function warmUp(): void {
  refilling ??= setImmediate(refill).unref()
}

/** Ends all spares, because those to come shall be others, or none. */
export function endSpares(): void {
  clearTimeout(refilling as NodeJS.Timeout | undefined)
  clearImmediate(refilling as NodeJS.Immediate | undefined)
  refilling = undefined
  for (const spare of spares) discard(spare)
}

function refill(): void {
  refilling = undefined
  const surroundings = surroundingsOf({})
  const wanted = asText(surroundings)
  for (const spare of spares) if (spare.surroundings !== wanted) discard(spare)
  if (spares.length >= spareCount) return
  try {
    spares.push(bear(surroundings))
  } catch {
    return // start() spawns then, and tells the reason if it fails too
  }
  warmUp()
}

function bear(surroundings: Surroundings): Spare {
  const arena = familyDescriptor()
  const open: number[] = []
  try {
    const payload = os().createScratch()
    open.push(payload)
    writePayload(payload, nodePayload(spareHead(), new Uint8Array()))
    const result = os().createScratch()
    open.push(result)
    const process = launchNode(surroundings, ['inherit', 'inherit', 'inherit', payload, result, lifeOfThisProcess(), arena.fd, 'pipe'])
    const start = (process.stdio as readonly unknown[])[START_FD] as Socket
    start.on('error', () => {}).unref()
    const child = new NodeChild(process, result)
    const spare: Spare = { child, start, payload, surroundings: asText(surroundings), stopEndingAtExit: endAtExit(child), isWarm: false }
    start.once('data', () => (spare.isWarm = true))
    child.settled = () => {
      drop(spare)
      const record = child.takeResult()
      if (record?.kind === CRASHED) preloadFailed(decode(record.body))
    }
    return spare
  } catch (error) {
    open.forEach((fd) => os().closeFd(fd))
    throw error
  }
}

/** The oldest spare that fits and lives: it is the warmest. */
function take({ settings }: StartRequest): Spare | undefined {
  const { stdio = 'inherit' } = settings
  const inherits = Array.isArray(stdio) ? stdio.every((one, fd) => one === 'inherit' || one === fd) : stdio === 'inherit'
  if (!inherits) return undefined
  const wanted = asText(surroundingsOf(settings))
  return spares.find((spare) => spare.isWarm && spare.surroundings === wanted && !spare.child.isOver())
}

function handOut(spare: Spare, { head, body, place, over }: StartRequest): StartedChild {
  const { child, start, payload } = spare
  try {
    writePayload(payload, nodePayload(head, body.bytes))
    body.commit()
    place.started(child.pid)
  } catch (error) {
    discard(spare)
    throw error
  }
  child.settled = over
  spare.stopEndingAtExit()
  spares = spares.filter((other) => other !== spare)
  os().closeFd(payload)
  start.end('!')
  return child
}

function writePayload(fd: number, bytes: Uint8Array): void {
  ftruncateSync(fd, bytes.length)
  writeAll(fd, bytes, 0)
}

function discard(spare: Spare): void {
  spare.child.settled = () => {}
  drop(spare)
  spare.child.signal('SIGKILL')
}

function drop(spare: Spare): void {
  spares = spares.filter((other) => other !== spare)
  spare.start.destroy()
  os().closeFd(spare.payload)
}

function asText({ file, argv, env, cwd = process.cwd() }: Surroundings): string {
  return JSON.stringify([file, argv, env, String(cwd), process.getuid?.(), process.getgid?.()])
}
