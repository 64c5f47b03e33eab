/**
 * Build, checks and every test lane; the last line is `N passed, N failed, N skipped`.
 * A step that fails (build, check, a suite that cannot load, a leak) counts as one failed test, so that a run that is
 * not green never ends in "0 failed".
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { exitCode, root, section } from './setup.mjs'

const REPORT = join(root, '.tmp', 'tests.json')

export async function main(files) {
  let failedSteps = 0
  const step = async (title, command, args) => {
    section(title)
    const code = await exitCode(command, args)
    if (code !== 0) console.log(`${title}: failed (${code})`)
    failedSteps += code === 0 ? 0 : 1
    return code === 0
  }
  const built = await step('Build', 'turbo', ['run', 'build', '--output-logs=errors-only', '--log-prefix=none'])
  if (built && files.length === 0) await step('Checks', 'node', [join(root, 'tools', 'check.mjs')])
  let counts = { passed: 0, failed: 0, skipped: 0 }
  if (built) {
    rmSync(REPORT, { force: true })
    mkdirSync(join(root, '.tmp'), { recursive: true })
    const stepsBefore = failedSteps
    await step('Tests', 'vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`, ...files])
    counts = countsOf(REPORT)
    // What the report already counts is not counted twice; a leak or an unhandled error is in no report.
    if (counts.failed > 0) failedSteps = stepsBefore
  }
  const failed = counts.failed + failedSteps
  section('Summary')
  console.log(`${counts.passed} passed, ${failed} failed, ${counts.skipped} skipped`)
  return failed === 0 && counts.passed > 0 ? 0 : 1
}

function countsOf(report) {
  if (!existsSync(report)) return { passed: 0, failed: 0, skipped: 0 }
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(readFileSync(report, 'utf8'))
  const broken = testResults.filter(({ status, assertionResults }) => status === 'failed' && !assertionResults.some((one) => one.status === 'failed'))
  return { passed: numPassedTests, failed: numFailedTests + broken.length, skipped: numPendingTests + numTodoTests }
}
