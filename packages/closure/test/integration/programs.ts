import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { runProgram, type ProgramOptions } from '@multiproc/testing'
import { expect } from 'vitest'

/** The Node of the workspace (or the one that the matrix names), and the machine's own if that is another. */
export const nodes: { node: string; version: string }[] = []
for (const node of [process.env.MULTIPROC_TEST_NODE ?? process.execPath, '/usr/bin/node']) {
  if (!existsSync(node)) continue
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
  if (!nodes.some((known) => known.version === version)) nodes.push({ node, version })
}

export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
}

/** Runs a fixture to its end; what it printed, as JSON. */
export async function json(name: string, options: ProgramOptions): Promise<any> {
  const { stdout, stderr, exitCode } = await runProgram(fixture(name), options)
  expect({ stderr, exitCode }, name).toEqual({ stderr: '', exitCode: 0 })
  return JSON.parse(stdout)
}
