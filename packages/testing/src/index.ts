/**
 * What the packages' tests share: child programs as fixtures, a watchdog, the leak check, model and crash exploration.
 * Private, and free of workspace dependencies, so that every package may use it.
 *
 * @packageDocumentation
 */
export { Program, runProgram, startProgram } from './fixture.ts'
export type { Outcome, ProgramOptions } from './fixture.ts'
export { MARK, killMarked, leftFiles, markedProcesses, newMark, openDescriptors } from './leaks.ts'
export type { LeftProcess } from './leaks.ts'
export { WatchdogError, eventually, watched } from './watchdog.ts'
export { explore } from './model/explore.ts'
export type { End, ModelAgent, ModelOps, Report, Scenario } from './model/explore.ts'
export { Crash, crashingOps, sweepCrashes } from './crash/crash-points.ts'
export type { CrashingOps, Sweep } from './crash/crash-points.ts'
