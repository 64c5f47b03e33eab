/**
 * Build, checks and every test lane; the last line is `N passed, N failed, N skipped`.
 * A step that fails (build, check, a suite that cannot load, a leak) counts as one failed test, so that a run that is
 * not green never ends in "0 failed".
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { environment, exitCode, root, section } from './setup.mjs'

const REPORT = join(root, '.tmp', 'tests.json')

/** Characters of one failure in the summary: enough for the assertion and the output of a test program. */
const MESSAGE_LIMIT = 4_000

/** The oldest Node that the packages run on. vitest itself needs a newer one, so there it is the test programs that run on it. */
const OLD_NODE = join(root, 'packages', 'integration-tests', 'node_modules', 'node-20', 'bin', 'node')

export async function main(files) {
  let failedSteps = 0
  const step = async (title, command, args, env) => {
    section(title)
    const code = await exitCode(command, args, { env: { ...environment, ...env } })
    if (code !== 0) console.log(`${title}: failed (${code})`)
    failedSteps += code === 0 ? 0 : 1
    return code === 0
  }
  /** Runs vitest. What its report already counts as failed is not counted again; a leak or an unhandled error is in no report. */
  const tests = async (title, args, env) => {
    rmSync(REPORT, { force: true })
    const failedBefore = failedSteps
    await step(title, 'vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`, ...args], env)
    const counts = { title, ...countsOf(REPORT) }
    if (counts.failed > 0) failedSteps = failedBefore
    return counts
  }

  mkdirSync(join(root, '.tmp'), { recursive: true })
  const runs = []
  if (await step('Build', 'turbo', ['run', 'build', '--output-logs=errors-only', '--log-prefix=none'])) {
    if (files.length === 0) await step('Checks', 'node', [join(root, 'tools', 'check.mjs')])
    runs.push(await tests('Tests', files))
    if (files.length === 0) runs.push(await tests('Test programs on Node 20.19', ['--project', 'integration'], { MULTIPROC_TEST_NODE: OLD_NODE }))
  }

  section('Summary')
  for (const { title, passed, failed, failures } of runs) {
    console.log(`${title}: ${passed} of ${passed + failed} passed`)
    // Again, and here: a log that was cut keeps its end.
    for (const failure of failures) console.log(`  failed: ${failure}`)
  }
  if (failedSteps > 0) console.log(`${failedSteps} steps failed that are no tests: see above`)
  const [passed, failed, skipped] = ['passed', 'failed', 'skipped'].map((kind) => runs.reduce((sum, run) => sum + run[kind], 0))
  console.log(`${passed} passed, ${failed + failedSteps} failed, ${skipped} skipped`)
  return failed + failedSteps === 0 && passed > 0 ? 0 : 1
}

function countsOf(report) {
  if (!existsSync(report)) return { passed: 0, failed: 0, skipped: 0, failures: [] }
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(readFileSync(report, 'utf8'))
  const broken = testResults.filter(({ status, assertionResults }) => status === 'failed' && !assertionResults.some((one) => one.status === 'failed'))
  const failures = [
    ...broken.map(({ name, message }) => `${relative(root, name)}: ${message.slice(0, MESSAGE_LIMIT)}`),
    ...testResults.flatMap(({ name, assertionResults }) =>
      assertionResults
        .filter(({ status }) => status === 'failed')
        .map(({ fullName, failureMessages }) => `${relative(root, name)}: ${fullName}\n${failureMessages.join('\n').slice(0, MESSAGE_LIMIT)}`),
    ),
  ]
  return { passed: numPassedTests, failed: numFailedTests + broken.length, skipped: numPendingTests + numTodoTests, failures }
}
