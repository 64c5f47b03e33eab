import { availableParallelism } from 'node:os'

/**
 * How many processes can compute at the same time here: `os.availableParallelism()`, which respects a CPU affinity.
 * Python: `os.process_cpu_count()`.
 */
export function cpuCount(): number {
  return availableParallelism()
}
