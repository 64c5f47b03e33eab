// Instead of a lock file: three programs that know nothing of each other but a name. Each takes the lock, changes a file in
// two steps, and gives it back. The second one is killed in the middle: no lock file stays behind that somebody would have
// to remove by hand, and the next one is told, so that it can repair what was half done.
// From a shell: npx multiproc lock report -- COMMAND
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Lock } from 'multiproc'

async function program(name: string, file: string, dies: boolean): Promise<void> {
  const lock = new Lock({ name: `report-${process.ppid}` })
  await lock.runExclusive(({ abandoned }) => {
    const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
    if (abandoned) {
      console.log(`${name} finds ${lines.length} lines, the last by a program that was killed, and removes it`)
      lines.pop()
    }
    writeFileSync(file, [...lines, `begun by ${name}`].join('\n'))
    if (dies) process.kill(process.pid, 'SIGKILL')
    writeFileSync(file, [...lines, `written by ${name}`].join('\n'))
    console.log(`${name} has written its line`)
  })
}

function start(...args: string[]): Promise<void> {
  const child = spawn(process.execPath, [...process.execArgv, '--no-warnings', fileURLToPath(import.meta.url), ...args], { stdio: 'inherit' })
  return new Promise((resolve) => child.once('exit', (_code, signal) => {
    if (signal !== null) console.log(`${args[0]} was ended by ${signal}`)
    resolve()
  }))
}

const [name, file, fate] = process.argv.slice(2)
if (name !== undefined && file !== undefined) {
  await program(name, file, fate === 'dies')
} else {
  const folder = mkdtempSync(join(tmpdir(), 'report-'))
  const report = join(folder, 'report.txt')
  writeFileSync(report, '')
  await start('Anna', report)
  await start('Ben', report, 'dies')
  await start('Cleo', report)
  console.log(readFileSync(report, 'utf8'))
  rmSync(folder, { recursive: true })
}
