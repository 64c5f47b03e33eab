/** The first file of ours that runs in a child process. */
import { bootstrap } from './bootstrap.ts'

// No top-level await: a target that never settles would end the process with code 13 once nothing is left to do.
void bootstrap()
