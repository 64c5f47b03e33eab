/**
 * Child programs as fixtures: one program per behaviour, run for real, with everything it printed and how it ended.
 * A program that does not end is killed together with whatever it started, so that a hang costs one test, not the run.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { MARK, killMarked, newMark } from './leaks.ts'
import { stripped } from './stripped.ts'
import { WatchdogError } from './watchdog.ts'

export interface ProgramOptions {
  args?: readonly string[]
  /** Added to this process's environment; `undefined` removes a variable. */
  env?: Record<string, string | undefined>
  /** Node flags in front of the file. */
  execArgv?: readonly string[]
  /** The Node binary; default: `MULTIPROC_TEST_NODE`, else the one that runs the tests. An old one gets stripped copies. */
  node?: string
  cwd?: string
  /** Text for the program's stdin, which ends after it. Default: no stdin. */
  input?: string
  /** After so many milliseconds the program and all it started are killed and the call fails. Default 60,000. */
  timeoutMs?: number
}

export interface Outcome {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
}

/** Runs a program file (path or file URL) to its end. */
export function runProgram(file: string | URL, options: ProgramOptions = {}): Promise<Outcome> {
  return startProgram(file, options).ended
}

/** Starts a program file; for tests that act while it runs, such as a kill at a line it printed. */
export function startProgram(file: string | URL, options: ProgramOptions = {}): Program {
  return new Program(String(file).startsWith('file:') ? fileURLToPath(file) : String(file), options)
}

export class Program {
  readonly ended: Promise<Outcome>
  stdout = ''
  stderr = ''
  readonly #file: string
  readonly #child: ChildProcess
  readonly #lookers = new Set<() => void>()

  constructor(file: string, options: ProgramOptions) {
    this.#file = file
    const mark = newMark()
    const env: NodeJS.ProcessEnv = { ...process.env, ...options.env, [MARK]: mark }
    const node = options.node ?? process.env.MULTIPROC_TEST_NODE ?? process.execPath
    const runnable = file.endsWith('.ts') && node !== process.execPath ? stripped(file) : file
    this.#child = spawn(
      node,
      [...(options.execArgv ?? []), runnable, ...(options.args ?? [])],
      { env, cwd: options.cwd, stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] },
    )
    if (options.input !== undefined) this.#child.stdin!.end(options.input)
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => this.#collect('stdout', text))
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => this.#collect('stderr', text))
    this.ended = this.#watch(mark, options.timeoutMs ?? 60_000)
    // A test that fails before it awaits the end must not turn this into a second, unhandled failure.
    this.ended.catch(() => {})
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** Sends a signal to the program itself (not to what it started). */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal)
  }

  /** Waits until stdout holds a match; returns it. Fails when the program ends first. */
  printed(pattern: RegExp | string): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const match = typeof pattern === 'string' ? literal(this.stdout, pattern) : this.stdout.match(pattern)
        if (match) finish(() => resolve(match))
      }
      const finish = (end: () => void): void => {
        this.#lookers.delete(look)
        end()
      }
      this.#lookers.add(look)
      look()
      const gone = (why: string) => (): void => {
        look()
        finish(() => reject(new Error(`${this.#file} ${why} before it printed ${pattern}\n${this.stdout}\n${this.stderr}`)))
      }
      this.ended.then(gone('ended'), gone('was killed by the watchdog'))
    })
  }

  #collect(stream: 'stdout' | 'stderr', text: string): void {
    this[stream] += text
    for (const look of [...this.#lookers]) look()
  }

  #watch(mark: string, timeoutMs: number): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        killMarked(mark)
        reject(new WatchdogError(`${this.#file} did not end within ${timeoutMs} ms; killed.\nstdout:\n${this.stdout}\nstderr:\n${this.stderr}`))
      }, timeoutMs)
      this.#child.on('error', (error) => {
        clearTimeout(timer)
        reject(error)
      })
      // `close` and not `exit`: children that inherited stdout may still be printing.
      this.#child.on('close', (exitCode, signal) => {
        clearTimeout(timer)
        resolve({ stdout: this.stdout, stderr: this.stderr, exitCode, signal })
      })
    })
  }
}

function literal(text: string, part: string): RegExpMatchArray | null {
  return text.includes(part) ? [part] : null
}
