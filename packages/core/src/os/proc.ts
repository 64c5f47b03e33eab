import { readFileSync } from 'node:fs'

/** What /proc says about a process or thread: Linux, and what else has it. */
export interface ProcStat {
  readonly state: string
  readonly start: number
}

/** `path` is `/proc/<pid>` or `/proc/self/task/<tid>`. `'gone'`: there is none. `'unknown'`: it may not be read (hidepid). */
export function readStat(path: string): ProcStat | 'gone' | 'unknown' {
  let text: string
  try {
    text = readFileSync(`${path}/stat`, 'latin1')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    return code === 'ENOENT' || code === 'ESRCH' ? 'gone' : 'unknown'
  }
  // The name, in brackets, may itself hold brackets and blanks: fields are counted from the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '?', start: Number(fields[19] ?? 0) | 0 }
}

/** Dead means surely dead: a zombie is, a stopped process is not, and neither is one that may not be looked at. */
export function isDeadByProc(path: string, start?: number): boolean {
  const stat = readStat(path)
  if (stat === 'gone') return true
  if (stat === 'unknown') return false
  return stat.state === 'Z' || stat.state === 'X' || (start !== undefined && start !== 0 && stat.start !== start)
}
