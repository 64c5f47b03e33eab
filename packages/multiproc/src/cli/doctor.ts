import { readdirSync, readFileSync, statfsSync } from 'node:fs'
import { release } from 'node:os'
import { parseArgs } from 'node:util'
import { listNames, namesFolder, os, sweepNames, type NamedFile } from '@multiproc/core'

const usage = `  multiproc doctor [--json] [--sweep]
      Shows what this machine offers, which named objects there are and who uses them, and child processes without a parent.
      --sweep   removes the files that killed programs have left`

export const doctor = { usage, run }

function run(args: readonly string[]): number {
  const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean' }, sweep: { type: 'boolean' } } })
  const removed = values.sweep === true ? sweepNames() : []
  const report: Report = { platform: platform(), folder: namesFolder(), names: listNames().map(named), orphans: orphans(), removed }
  console.log(values.json === true ? JSON.stringify(report, undefined, 2) : asText(report))
  return 'problem' in report.platform ? 1 : 0
}

interface Report {
  readonly platform: Readonly<Record<string, string>>
  readonly folder: string
  readonly names: readonly ReturnType<typeof named>[]
  readonly orphans: readonly { readonly pid: number; readonly command: string }[]
  /** By `--sweep`. */
  readonly removed: readonly string[]
}

function platform(): Record<string, string> {
  const facts: Record<string, string> = { node: process.version, system: `${process.platform} ${release()} ${process.arch}` }
  try {
    const system = os()
    facts.backend = system.name === 'linux' ? 'linux: futexes, the kernel tells of deaths' : 'portable: sleeps in slices, asks for deaths'
    if (system.isBarred() && process.geteuid?.() !== 0) facts.privileges = 'dropped: named objects cannot be used'
    if (process.platform === 'linux') {
      const { bavail, bsize } = statfsSync('/dev/shm')
      facts['/dev/shm'] = `${Math.round((bavail * bsize) / 2 ** 20)} MiB free`
    }
  } catch (error) {
    facts.problem = (error as Error).message
  }
  return facts
}

/** By the first three letters of their magic numbers; the last is a version. */
const kinds: Readonly<Record<string, string>> = {
  MPL: 'Lock', MPR: 'RLock', MPS: 'Semaphore', MPE: 'Event', MPC: 'Condition', MPB: 'Barrier', MPV: 'SharedValue', MPA: 'SharedArray', MPT: 'SharedStruct',
}

function named({ name, kind, isUsed, users, holder }: NamedFile) {
  const letters = String.fromCharCode(...[24, 16, 8].map((shift) => (kind >>> shift) & 0xff))
  return { name, kind: kinds[letters] ?? 'unknown', isUsed, users: users.filter(({ isAlive }) => isAlive).map(({ pid }) => pid), holder }
}

/** Child processes of the library whose parent has ended. */
function orphans(): { pid: number; command: string }[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc').flatMap((entry) => {
    const pid = Number(entry)
    if (!(pid > 0)) return []
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean).join(' ')
      const parent = Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
      return parent === 1 && /multiproc.*child\/main\.[jt]s/.test(command) ? [{ pid, command }] : []
    } catch {
      // It has ended meanwhile.
      return []
    }
  })
}

function asText({ platform, folder, names, orphans, removed }: Report): string {
  const rows = names.map(({ name, kind, isUsed, users, holder }) => {
    const held = holder === undefined ? '' : users.includes(holder) ? `, held by ${holder}` : `, was held by ${holder}, which is dead: the next holder is told`
    const who = isUsed ? `used by ${users.join(', ') || 'somebody who cannot be seen'}` : 'left by a program that was killed'
    return `  ${name.padEnd(24)} ${kind.padEnd(12)} ${who}${held}`
  })
  return [
    ...Object.entries(platform).map(([fact, value]) => `${fact}: ${value}`),
    `\nNamed objects in ${folder}:`,
    ...(rows.length > 0 ? rows : ['  none']),
    '\nChild processes without a parent:',
    ...(orphans.length > 0 ? orphans.map(({ pid, command }) => `  ${pid} ${command}`) : ['  none']),
    ...(removed.length > 0 ? [`\nRemoved: ${removed.join(', ')}`] : []),
  ].join('\n')
}
