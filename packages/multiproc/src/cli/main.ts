#!/usr/bin/env node
/** `npx multiproc COMMAND`: each command is a file of its own. */
import { doctor } from './doctor.ts'
import { lock } from './lock.ts'
import { UsageError } from './usage-error.ts'

const commands: Readonly<Record<string, { readonly usage: string; run(args: readonly string[]): number | Promise<number> }>> = { lock, doctor }

const help = `Usage:
${Object.values(commands).map(({ usage }) => usage).join('\n')}`

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    console.log(help)
    return name === undefined ? 2 : 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  try {
    if (command === undefined) throw new UsageError(`there is no command ${JSON.stringify(name)}`)
    if (args[0] === '--help') {
      console.log(`Usage:\n${command.usage}`)
      return 0
    }
    return await command.run(args)
  } catch (error) {
    const isUsage = error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')
    console.error(`multiproc: ${(error as Error).message}${isUsage ? `\n\n${command === undefined ? help : `Usage:\n${command.usage}`}` : ''}`)
    return isUsage ? 2 : 70
  }
}

process.exitCode = await main(process.argv.slice(2))
